"""Was this picture made here? By its marks, and by drawing the face again."""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, Field

from nobodies.errors import NobodiesError
from nobodies.imaging import resize
from nobodies.provenance.verify import Verdict, verify
from nobodies.settings import FaceSettings
from nobodies.web.asked import Asked, Portrait
from nobodies.web.pictures import Pictures

if TYPE_CHECKING:
    from nobodies.inspection import Finding, Inspection

    Inspect = Callable[[NDArray[np.uint8], Verdict], Inspection]

_SAME_DB: Final = 25.0
_LOOK_PX: Final = 256


class FoundMark(BaseModel):
    """One kind of mark, and what was found of it."""

    name: str = Field(description="xmp, c2pa or watermark")
    state: str = Field(description="valid, broken, absent, foreign or not checked")
    detail: str = Field(description="what it says")
    meaning: str = Field(description="what this finding proves, and what it does not")


class FoundSign(BaseModel):
    """One thing that was looked for in the picture itself, and what was found."""

    name: str = Field(description="marks, grid, alignment, classifier or faults")
    state: str = Field(description="found, not found or not checked")
    detail: str = Field(description="what was seen")
    meaning: str = Field(description="what this finding proves, and what it does not")
    values: dict[str, float] = Field(description="the measures behind it")


class Checked(BaseModel):
    """What a picture says of its origin."""

    width: int
    height: int
    generated: bool = Field(description="a mark in good order says that it was generated; false proves nothing")
    made_here: bool = Field(description="signed with this installation's key, and unchanged since")
    marks: list[FoundMark]
    findings: list[FoundSign] = Field(description="what looks generated, and what does not; none proves a photograph")
    seed: str | None = Field(default=None, description="the seed that the marks name")
    recipe: dict[str, Any] | None = Field(default=None, description="what made it, if the file says so")
    page: str | None = Field(default=None, description="the page of the face, if this server can make it again")
    picture: str | None = Field(default=None, description="the address of the picture drawn again")
    same: bool | None = Field(
        default=None,
        description="whether the face drawn again is that of this picture; absent if none was drawn",
    )


def check_picture(
    content: bytes, pixels: NDArray[np.uint8], pictures: Pictures, inspect: "Inspect | None" = None
) -> Checked:
    """Look at the marks of a picture, and if they name a face of this server's model, draw it again and compare.

    A mark by itself can be removed, or put onto another picture. Drawing again cannot be fooled that way, since the
    picture must be the face that its marks name.

    Args:
        content: the file.
        pixels: the picture in it, [H, W, 3].
        pictures: draws.
        inspect: looks for other signs of a generated picture; none are looked for if None.
    """
    verdict = verify(content)
    checked = _plain(verdict, pixels, inspect(pixels, verdict).findings if inspect else ())
    if (portrait := _portrait(verdict.recipe, pictures)) is not None:
        return _with_face(checked, portrait, same=_is_same(pixels, portrait, pictures))
    if verdict.recipe is None and verdict.seed is not None:
        # Without its metadata, only the seed is left of a recipe. It may have been drawn with the usual settings.
        portrait = Portrait(verdict.seed)
        return _with_face(checked, portrait, same=True) if _is_same(pixels, portrait, pictures) else checked
    return checked


def _plain(verdict: Verdict, pixels: NDArray[np.uint8], findings: "Sequence[Finding]") -> Checked:
    return Checked(
        width=pixels.shape[1],
        height=pixels.shape[0],
        generated=verdict.generated,
        made_here=verdict.made_here,
        marks=[FoundMark.model_validate(mark) for mark in verdict.to_json()["marks"]],
        findings=[FoundSign.model_validate(each.to_json()) for each in findings],
        seed=None if verdict.seed is None else str(verdict.seed),
        recipe=verdict.recipe,
    )


def _with_face(checked: Checked, portrait: Portrait, *, same: bool) -> Checked:
    address = Asked(portrait).address
    return checked.model_copy(update={"page": address.replace(".jpeg", ""), "picture": address, "same": same})


def _is_same(pixels: NDArray[np.uint8], portrait: Portrait, pictures: Pictures) -> bool:
    return likeness_db(pixels, pictures.face(portrait).pixels) >= _SAME_DB


def _portrait(recipe: dict[str, Any] | None, pictures: Pictures) -> Portrait | None:
    """What a recipe asks for, if it is whole, and of the model that this server runs."""
    if recipe is None or type(recipe.get("seed")) is not int or not 0 <= recipe["seed"] < 1 << 64:
        return None
    if not pictures.is_of(recipe.get("model"), recipe.get("weights")):
        return None
    try:
        face = FaceSettings(psi=recipe["psi"], cutoff=recipe["cutoff"], noise=recipe["noise"])
    except (KeyError, NobodiesError, TypeError):
        return None
    return Portrait(recipe["seed"], face)


def likeness_db(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    """Compare two pictures at a small size: the peak signal-to-noise ratio in decibels, or 0 if one is not square."""
    if first.shape[0] != first.shape[1]:
        return 0.0
    side = min(_LOOK_PX, len(first), len(second))
    small = [np.asarray(resize(Image.fromarray(each), side), np.float32) for each in (first, second)]
    error = float(np.mean((small[0] - small[1]) ** 2))
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)
