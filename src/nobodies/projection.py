"""Finding the invented person who looks most like a photograph.

A first answer comes from the look of the photograph alone. From there faces are drawn, measured and corrected
(`nobodies.latents.inversion`), or style codes follow gradients (`nobodies.refining`, with torch).
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from nobodies.errors import InputError, SettingError
from nobodies.generator import Generator
from nobodies.latents.inversion import refine
from nobodies.latents.looks import LookModel
from nobodies.refining import Refined, refine_by_gradient, require_torch

Pixels = NDArray[np.uint8]
Float = NDArray[np.float64]

Method = Literal["measured", "gradient", "layers"]

LONGEST_S: Final = 3600.0
_STEPS_A_LOOK: Final = 10
_LOOKED_AT_PX: Final = 512
_RIVAL_SHARE: Final = 0.5
"""Faces narrower than so much of the widest belong to the background."""


@dataclass(frozen=True, slots=True, eq=False)
class Likeness:
    """A face that was found."""

    w: NDArray[np.float32]
    """Its style code, [W], or one a layer, [L, W]."""
    distance: float
    """How far it is from the photograph to the net that tells people apart; see `nobodies.vision.same_person`."""
    number: int
    """Faces drawn, or steps taken, so far."""


def align_photograph(pixels: Pixels) -> Pixels:
    """Cut the face out of a photograph as the generator would show it.

    Args:
        pixels: RGB, [H, W, 3].

    Returns:
        [512, 512, 3].

    Raises:
        InputError: it shows no face, or several of like size.
    """
    from nobodies.vision.align import align
    from nobodies.vision.detect import Detector
    from nobodies.vision.landmarks import find_landmarks

    faces = Detector.load().detect(pixels)
    if not faces:
        raise InputError("there is no face in the picture: give one that shows a face clearly")
    large = [face for face in faces if face.width > _RIVAL_SHARE * faces[0].width]
    if len(large) > 1:
        raise InputError(f"there are {len(large)} faces in the picture: cut it so that it shows one")
    return align(pixels, find_landmarks(pixels, faces[0]), size_px=_LOOKED_AT_PX)


def project(
    generator: Generator,
    aligned: Pixels,
    *,
    limit_s: float = 60.0,
    most_faces: int = 10_000,
    method: Method = "measured",
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Likeness]:
    """Look for the style code whose face looks most like a photograph.

    The first answer comes from the look of the photograph alone.

    Args:
        generator: whose faces are looked through.
        aligned: the photograph, cut by `align_photograph`.
        limit_s: time to spend; 0 gives the first answer only.
        most_faces: faces to draw, or steps to take, at most.
        method: "measured" draws faces, measures them and corrects; "gradient" follows the gradient of how alike the
            pictures look, with one code for all layers, and "layers" with a code for each. The last two need torch.
        clock: gives the time in seconds.

    Yields:
        Each face that is more like it than all before.

    Raises:
        SettingError: a limit out of its range.
        ModelError: looks were not fitted for this model.
        InputError: no face is seen in the photograph.
        DependencyError: gradients are asked for and torch is not installed.
    """
    if method != "measured":
        require_torch()
    if not 0 <= limit_s <= LONGEST_S or most_faces < 1:
        raise SettingError(
            f"the search may take {limit_s:g} s and {most_faces} faces: 0 to {LONGEST_S:g} s, 1 or more"
        )
    looks = LookModel.load(generator.model.name, generator.model.origin)
    wanted = look_of(looks, aligned)
    if wanted is None:
        raise InputError("no face is seen in the aligned picture: give one that shows a face clearly")
    search = _measured if method == "measured" else _by_gradient
    yield from search(generator, looks, wanted, Task(aligned, clock() + limit_s, limit_s, most_faces, method, clock))


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """What a search is given."""

    aligned: Pixels
    end: float
    """By the clock."""
    limit_s: float
    most_faces: int
    method: Method
    clock: Callable[[], float]

    def share_done(self, number: int) -> float:
        """Give the share of the time, or of the faces, that is used up; 1 is the end."""
        left_s = self.end - self.clock()
        return max(1 - left_s / self.limit_s if self.limit_s else 1.0, number / self.most_faces)


def _measured(generator: Generator, looks: LookModel, wanted: Float, task: Task) -> Iterator[Likeness]:
    def measure(w: Float) -> Float | None:
        return _look_of_codes(generator, looks, w)

    search = refine(looks, wanted, measure, most_looks=task.most_faces, may_go_on=lambda: task.clock() < task.end)
    for guess in search:
        yield Likeness(guess.w.astype(np.float32), _distance(guess.look, wanted), guess.number)


def _by_gradient(generator: Generator, looks: LookModel, wanted: Float, task: Task) -> Iterator[Likeness]:
    w = looks.most_probable(wanted)
    start = _look_of_codes(generator, looks, w)
    if start is not None:
        yield Likeness(w.astype(np.float32), _distance(start, wanted), 0)
    steps, best, last = 0, np.inf, None

    def progress() -> float:
        return task.share_done(steps)

    refined = refine_by_gradient(
        generator.model, looks, w, task.aligned, progress=progress, per_layer=task.method == "layers"
    )
    for last in refined:
        steps = last.number
        if steps % _STEPS_A_LOOK == 0 and last.loss < best:
            best = last.loss
            yield from _likeness(generator, looks, wanted, last)
    if last is not None and last.loss < best:
        yield from _likeness(generator, looks, wanted, last)


def _likeness(generator: Generator, looks: LookModel, wanted: Float, refined: Refined) -> Iterator[Likeness]:
    look = _look_of_codes(generator, looks, refined.ws)
    if look is not None:
        yield Likeness(refined.ws, _distance(look, wanted), refined.number)


def _look_of_codes(generator: Generator, looks: LookModel, w: NDArray[Any]) -> Float | None:
    return look_of(looks, generator.engine.synthesize(generator.conform(w.astype(np.float32)))[0])


def _distance(look: Float, wanted: Float) -> float:
    return float(np.linalg.norm(look[:128] - wanted[:128]))


def look_of(looks: LookModel, pixels: Pixels) -> Float | None:
    """Measure the look of an aligned face, [D]; None if there is no face."""
    from nobodies.vision import fetched
    from nobodies.vision.detect import Detector
    from nobodies.vision.identity import embed
    from nobodies.vision.landmarks import find_landmarks
    from nobodies.vision.pictures import resize

    small = resize(pixels, _LOOKED_AT_PX, _LOOKED_AT_PX)
    faces = Detector.load().detect(small, min_size_px=_LOOKED_AT_PX / 8)
    if not faces:
        return None
    mesh, net = find_landmarks(small, faces[0]), fetched.feature_net()
    features = net(resize(small, net.size_px, net.size_px))["features"][0]
    return looks.look(embed(small, mesh), mesh.points[:, :2].ravel() / _LOOKED_AT_PX, features)
