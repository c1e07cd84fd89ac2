"""What this server can do beyond drawing faces. A page or a control is shown only if its feature is there."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nobodies.generator import Face, Generator
from nobodies.provenance.verify import Verdict

if TYPE_CHECKING:
    from nobodies.inspection import Inspection

Pixels = NDArray[np.uint8]
Array = NDArray[np.float32]


class Found(Protocol):
    """A face in a picture; see `nobodies.vision.Detection`."""

    def to_json(self) -> dict[str, Any]:
        """Give box, score and points as JSON values."""


class Detect(Protocol):
    """Finds faces."""

    def __call__(self, pixels: Pixels, min_size_px: float | None, /) -> Sequence[Found]:
        """Find the faces in a picture [H, W, 3] that are at least so wide; None leaves it to the detector."""


@dataclass(frozen=True, slots=True)
class Slider:
    """An attribute that can be changed."""

    name: str
    lowest: float
    highest: float
    step: float
    is_main: bool = True
    """Whether it is among the few that are shown at first."""


@dataclass(frozen=True, slots=True)
class WishGroup:
    """Wishes of which one can be chosen."""

    name: str
    """The attribute they are about."""
    words: tuple[str, ...]


class Attributes(Protocol):
    """Reads, chooses and changes what faces look like, from their codes alone."""

    @property
    def sliders(self) -> Sequence[Slider]:
        """What can be changed, and how far."""

    @property
    def wishes(self) -> Sequence[WishGroup]:
        """What can be wished for, besides the age."""

    @property
    def ages(self) -> tuple[int, int]:
        """The lowest and the highest age that can be wished for, in years."""

    def may_be_shown(self, seeds: Sequence[int]) -> NDArray[np.bool_]:
        """Tell which seeds may come up by chance, [N]."""

    def predict(self, seed: int) -> Mapping[str, float]:
        """Say what the face of a seed looks like."""

    def choose(self, wishes: str, from_seed: int, *, balanced: bool = False) -> Iterator[int]:
        """Give seeds whose faces fit, of all groups alike if balanced.

        Raises SettingError if the wishes cannot be read, SearchError at the end.
        """

    def edit(self, ws: Array, edits: Mapping[str, float]) -> Array:
        """Change style codes [L, W]. Raises SettingError if an attribute is unknown."""


class Gate(Protocol):
    """Turns faulty faces away; see `nobodies.gate.Gate`."""

    def screen(self, w: NDArray[Any]) -> NDArray[np.bool_]:
        """Tell which style codes [N, L, W] may be drawn."""

    def accepts(self, face: Face) -> bool:
        """Tell whether a drawn face may leave."""


@dataclass(frozen=True, slots=True)
class Features:
    """The parts that are there; None or empty for those that are not."""

    attributes: Attributes | None = None
    detect: Detect | None = None
    cut_out: Callable[[Pixels], Pixels] | None = None
    """From a picture [H, W, 3] to one with transparency [H, W, 4]."""
    gate: Gate | None = None
    """Judges faces that come up by chance."""
    inspect: Callable[[Pixels, Verdict], "Inspection"] | None = None
    """From a picture [H, W, 3] and what its marks say to all that looks generated in it."""


def find_features(generator: Generator, *, gate: bool = True) -> Features:
    """See which parts this installation has. Their nets are loaded when they are first used.

    Args:
        generator: draws the faces.
        gate: whether faulty faces shall be turned away.

    Raises:
        ModelError: what the gate needs cannot be fetched.
    """
    from nobodies.gate import gate_of
    from nobodies.web.attributes import FaceAttributes

    return Features(
        attributes=FaceAttributes.of(generator),
        detect=_detect,
        cut_out=_cut_out,
        gate=gate_of(generator) if gate else None,
        inspect=_inspect,
    )


def _detect(pixels: Pixels, min_size_px: float | None, /) -> Sequence[Found]:
    from nobodies.vision import Detector

    return Detector.load().detect(pixels, min_size_px=min_size_px)


def _cut_out(pixels: Pixels) -> Pixels:
    from nobodies.vision.segment import cut_out

    return cut_out(pixels)


def _inspect(pixels: Pixels, verdict: Verdict) -> "Inspection":
    from nobodies.inspection import inspect_pixels

    return inspect_pixels(pixels, verdict)
