"""Was this picture made here? By what the file declares, and by drawing the face again."""

import io
import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, Field

from nobodies.errors import NobodiesError
from nobodies.imaging import resize, xmp_of
from nobodies.provenance import is_marked, recipe_of
from nobodies.settings import FaceSettings
from nobodies.web.asked import Asked, Portrait
from nobodies.web.pictures import Pictures

_SAME_DB: Final = 25.0
_LOOK_PX: Final = 256


class Checked(BaseModel):
    """What a picture says of its origin."""

    width: int
    height: int
    declared: bool = Field(description="the file declares itself as made by a trained algorithm")
    recipe: dict[str, Any] | None = Field(default=None, description="what made it, if this program did")
    page: str | None = Field(default=None, description="the page of the face, if this server can make it again")
    picture: str | None = Field(default=None, description="the address of the picture drawn again")
    same: bool | None = Field(
        default=None,
        description="whether the face drawn again is the one in this picture; absent if it was not drawn",
    )


def check_picture(content: bytes, pixels: NDArray[np.uint8], pictures: Pictures) -> Checked:
    """Look at the mark of a picture, and if it has a recipe of ours, draw the face again and compare.

    A mark is only a declaration: it can be removed, or put onto another picture. Drawing again cannot be fooled that
    way, since the picture must be the face of the seed it names.

    Args:
        content: the file.
        pixels: the picture in it, [H, W, 3].
        pictures: draws.
    """
    with Image.open(io.BytesIO(content)) as image:
        xmp = xmp_of(image)
    recipe = recipe_of(xmp) if xmp else None
    checked = Checked(
        width=pixels.shape[1], height=pixels.shape[0], declared=bool(xmp and is_marked(xmp)), recipe=recipe
    )
    portrait = _portrait(recipe, pictures) if recipe else None
    if portrait is None:
        return checked
    address = Asked(portrait).address
    return checked.model_copy(
        update={
            "page": address.replace(".jpeg", ""),
            "picture": address,
            "same": likeness_db(pixels, pictures.face(portrait).pixels) >= _SAME_DB,
        }
    )


def _portrait(recipe: dict[str, Any], pictures: Pictures) -> Portrait | None:
    """What a recipe asks for, if it is whole, and of the model that this server runs."""
    if not pictures.is_of(recipe.get("model"), recipe.get("weights")) or type(recipe.get("seed")) is not int:
        return None
    try:
        face = FaceSettings(psi=recipe["psi"], cutoff=recipe["cutoff"], noise=recipe["noise"])
    except (KeyError, NobodiesError, TypeError):
        return None
    return Portrait(recipe["seed"], face) if 0 <= recipe["seed"] < 1 << 64 else None


def likeness_db(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    """Compare two pictures at a small size: the peak signal-to-noise ratio in decibels, or 0 if one is not square."""
    if first.shape[0] != first.shape[1]:
        return 0.0
    side = min(_LOOK_PX, len(first), len(second))
    small = [np.asarray(resize(Image.fromarray(each), side), np.float32) for each in (first, second)]
    error = float(np.mean((small[0] - small[1]) ** 2))
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)
