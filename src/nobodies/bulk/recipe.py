"""What is asked for: how every face of a set is made, and whose faces they are."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from nobodies import latents
from nobodies._version import __version__
from nobodies.choosing import SEEDS_A_FACE, attributes_of
from nobodies.errors import ModelError, SettingError
from nobodies.latents.attributes import AttributeModel
from nobodies.latents.edits import parse_changes
from nobodies.latents.wishes import Wishes
from nobodies.models import Model
from nobodies.settings import (
    EngineSettings,
    FaceSettings,
    MarkSettings,
    PictureSettings,
    Precision,
    ShardSettings,
)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How every face of a set is made. The same recipe and seeds give the same bytes, whoever makes them."""

    model: str
    weights: str
    """Fingerprint of the model's weights."""
    precision: Precision
    """Settled: "bf16" or "f32", not "auto", since machines would settle it differently."""
    face: FaceSettings = field(default_factory=FaceSettings)
    picture: PictureSettings = field(default_factory=PictureSettings)
    marks: MarkSettings = field(default_factory=lambda: MarkSettings(c2pa="off"))
    shards: ShardSettings = field(default_factory=ShardSettings)
    changes: tuple[str, ...] = ()
    """Edits of each face, such as "age=+10"."""
    wishes: Wishes | None = None
    """What the faces shall be like; None if seeds are named and nobody is left out."""
    attributes: str | None = None
    """Digest of the attribute model that reads them; None if there is none."""
    balanced: bool = False
    """Let groups of age, appearance and skin as lit come up alike; see `latents.balance`."""
    gate: bool = False
    """Leave out faces that the gate turns away; see `nobodies.gate`."""
    checked: bool = False
    """Leave out faces that are measured to be otherwise than wished."""
    version: str = __version__

    def __post_init__(self) -> None:
        if self.marks.c2pa != "off":
            raise SettingError(
                "c2pa is not 'off': manifests hold random numbers, so the same seeds would not give the same shards"
            )
        if self.precision == "auto":
            raise SettingError("precision is 'auto': say bf16 or f32, which all workers can keep to")
        if self.changes:
            parse_changes(self.changes)
            if self.face.noise == "seeded":
                raise SettingError("an edited face has no seed for noise 'seeded': choose stored or none")
        if self.checked and not self.wishes:
            raise SettingError("faces can be checked against wishes only, and there are none")
        if self.balanced and self.wishes is None:
            raise SettingError("a set is balanced by choosing its seeds, and these are named")

    def to_json(self) -> dict[str, Any]:
        """Give everything that the bytes depend on, in JSON values."""
        wishes = None if self.wishes is None else {"text": str(self.wishes), "adults_only": self.wishes.adults_only}
        return asdict(self) | {"changes": list(self.changes), "wishes": wishes}


def digest_of(attributes: AttributeModel) -> str:
    """Give what tells an attribute model from any other: edits and searches depend on all of it."""
    return hashlib.sha256(attributes.to_bytes()).hexdigest()


def recipe_for(model: Model, *, precision: Precision, wishes: Wishes | None, **options: Any) -> Recipe:
    """Give the recipe for a model, with what machines would settle each by itself settled here.

    Args:
        model: the one to use.
        precision: as for an engine; "auto" becomes what this machine would take.
        wishes: as in `Recipe`. For a model without attributes, mere screening for minors is left out.
        **options: the other fields of `Recipe`.

    Raises:
        ModelError: there are wishes or edits, and no attributes of the model.
        SettingError: the recipe contradicts itself, or this machine does not have the precision.
    """
    from nobodies.engines.openvino.compiling import choose_precision

    try:
        attributes = digest_of(attributes_of(model))
    except ModelError:
        if wishes or options.get("changes") or options.get("balanced"):
            raise
        attributes, wishes = None, None
    return Recipe(
        model=model.name,
        weights=model.fingerprint,
        precision=choose_precision(EngineSettings(precision=precision)),
        attributes=attributes,
        wishes=wishes,
        **options,
    )


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Whose faces: those of named seeds, or of so many as are to be found."""

    seeds: str | None = None
    """Numbers and ranges, such as "1-1000,2000"."""
    count: int | None = None
    """How many, where seeds are not named."""
    from_seed: int = 1
    """The first to be looked at."""
    tries: int = SEEDS_A_FACE
    """Seeds looked at for each face, at most, where there are wishes."""

    def __post_init__(self) -> None:
        if (self.seeds is None) == (self.count is None):
            raise SettingError("say which faces: either seeds or count")
        if self.count is not None and self.count < 1:
            raise SettingError(f"count is {self.count}: it must be at least 1")
        self.named()

    def named(self) -> Sequence[int]:
        """Give the seeds that are named; or so many from the first one on, where nobody is to be left out."""
        if self.seeds is not None:
            return latents.parse_seed_ranges(self.seeds)
        return latents.parse_seed_ranges(f"{self.from_seed}-{self.from_seed + (self.count or 0) - 1}")
