"""What a visitor can ask of a picture: the query of an address, its meaning, and the one address it is known by."""

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Literal
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field

from nobodies.errors import SettingError
from nobodies.imaging import CODECS
from nobodies.latents import parse_seed
from nobodies.settings import FaceSettings, PictureFormat, PictureSettings, Settings, described

Layers = Literal["all", "coarse", "middle", "fine"]
Shape = Literal["square", "circle"]
Background = Literal["own", "transparent"]
Ending = Literal["jpeg", "jpg", "png", "webp", "avif"]

_MOST_EDITS: Final = 12
_EDIT = re.compile(r"([a-z][a-z_]{0,31}):([+-]?\d{1,3}(?:\.\d{1,4})?)")
_DIGITS: Final = 4


@dataclass(frozen=True, slots=True)
class Mix:
    """A second face, and how much of it."""

    seed: int
    amount: float
    """0 leaves the first face, 1 gives the second."""
    layers: Layers


@dataclass(frozen=True, slots=True)
class Portrait:
    """What is drawn, before it becomes a file."""

    seed: int
    face: FaceSettings = field(default_factory=FaceSettings)
    edits: tuple[tuple[str, float], ...] = ()
    mix: Mix | None = None


@dataclass(frozen=True)
class Asked:
    """A picture as asked for. Equal pictures are equal here, and have one address."""

    portrait: Portrait
    picture: PictureSettings = field(default_factory=PictureSettings)
    shape: Shape = "square"
    background: Background = "own"

    @cached_property
    def address(self) -> str:
        """The path and query of this picture; what is left out is as by default."""
        path = f"/face/{self.portrait.seed}.{self.picture.format}"
        query = self._query()
        return f"{path}?{urlencode(query, safe=':,')}" if query else path

    @property
    def file_name(self) -> str:
        """What to call the picture when it is saved."""
        size = f"-{self.picture.size_px}" if self.picture.size_px else ""
        return f"nobody-{self.portrait.seed}{size}{CODECS[self.picture.format].suffix}"

    def _query(self) -> dict[str, str]:
        portrait, picture, plain = self.portrait, self.picture, FaceSettings()
        parts: dict[str, str | None] = {
            "size": str(picture.size_px) if picture.size_px else None,
            "quality": str(picture.quality) if picture.quality else None,
            "psi": f"{portrait.face.psi:g}" if portrait.face.psi != plain.psi else None,
            "cutoff": str(portrait.face.cutoff) if portrait.face.cutoff is not None else None,
            "noise": portrait.face.noise if portrait.face.noise != plain.noise else None,
            "edit": ",".join(f"{name}:{step:g}" for name, step in portrait.edits) or None,
            "shape": self.shape if self.shape != "square" else None,
            "background": self.background if self.background != "own" else None,
        }
        if (mix := portrait.mix) is not None:
            parts |= {"mix": str(mix.seed), "amount": f"{mix.amount:g}"}
            parts["layers"] = mix.layers if mix.layers != "all" else None
        return {name: value for name, value in parts.items() if value is not None}


def described_field(group: type[Settings], name: str, **more: Any) -> Any:
    """Make a field of a query with the default, limits and help of a setting."""
    each = next(each for each in described(group) if each.name == name)
    return Field(each.default, ge=each.limits.minimum, le=each.limits.maximum, description=each.limits.text, **more)


class PortraitQuery(BaseModel):
    """How a face is drawn from its seed."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    psi: float = described_field(FaceSettings, "psi", examples=[0.5])
    cutoff: int | None = described_field(FaceSettings, "cutoff", lt=1000)
    noise: Literal["stored", "none", "seeded"] = described_field(FaceSettings, "noise")
    edit: str | None = Field(
        default=None,
        max_length=400,
        pattern=r"^[a-z][a-z_]*:[-+0-9.]+(,[a-z][a-z_]*:[-+0-9.]+)*$",
        description="changes of attributes, such as `age:10,smile:1`; for servers that have an attribute model",
    )
    mix: str | None = Field(
        default=None, pattern=r"^[0-9]{1,20}$", description="seed of a second face", examples=["7"]
    )
    amount: float = Field(0.5, ge=0, le=1, description="share of the second face, 0 to 1")
    layers: Layers = Field(
        "all", description="of the second face: coarse ones make pose and shape, fine ones colours"
    )

    def portrait(self, seed: int) -> Portrait:
        """Say what is drawn.

        Raises:
            SettingError: a value cannot be used.
        """
        face = FaceSettings(psi=round(self.psi, _DIGITS), cutoff=self.cutoff, noise=self.noise)
        return Portrait(seed, face, parse_edits(self.edit), self._mix())

    def _mix(self) -> Mix | None:
        amount = round(self.amount, _DIGITS)
        return Mix(parse_number(self.mix), amount, self.layers) if self.mix is not None and amount else None


class PictureOptions(PortraitQuery):
    """How a face is drawn and written to a file."""

    size: int | None = described_field(PictureSettings, "size_px", examples=[512])
    quality: int | None = described_field(PictureSettings, "quality")
    shape: Shape = Field("square", description="circle needs a format with transparency: png, webp or avif")
    background: Background = Field(
        "own", description="'transparent' cuts the person out, where this server has the part that does; not for jpeg"
    )

    def asked(self, seed: int, ending: Ending) -> Asked:
        """Say which picture is meant.

        Raises:
            SettingError: a value cannot be used, or not in this format.
        """
        format = format_of_ending(ending)
        if format == "jpeg" and (self.shape != "square" or self.background != "own"):
            raise SettingError("jpeg has no transparency: choose png, webp or avif for a circle or a cut-out")
        picture = PictureSettings(format=format, size_px=self.size, quality=self.quality)
        return Asked(self.portrait(seed), picture, self.shape, self.background)


class PictureQuery(PictureOptions):
    """A picture by its address."""

    download: bool = Field(False, description="answer with a file name, so that a browser saves the picture")


class NewQuery(PictureQuery):
    """A new face, or the stable face of a text."""

    u: str | None = Field(
        default=None, min_length=1, max_length=512, description="any text: the same text is the same face for ever"
    )
    exclusive: bool = Field(
        False,
        description="answer with a face that is recorded as given, or not at all; for servers that keep a ledger",
    )


def format_of_ending(ending: Ending) -> PictureFormat:
    """Tell the format from the ending of an address."""
    return "jpeg" if ending == "jpg" else ending


def parse_number(text: str) -> int:
    """Read a seed written in digits.

    Raises:
        SettingError: it is none, or out of range.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= 20):
        raise SettingError("that is not a seed: take a whole number, or give a text as /face.jpeg?u=TEXT")
    return parse_seed(text)


def parse_edits(text: str | None) -> tuple[tuple[str, float], ...]:
    """Read changes such as `age:10,smile:-0.5`; those of nothing are dropped, and the order does not matter.

    Raises:
        SettingError: a part is not of that form, or a name comes twice.
    """
    if not text:
        return ()
    matches = [_EDIT.fullmatch(part) for part in text.split(",")]
    if len(matches) > _MOST_EDITS or None in matches:
        raise SettingError(f"edit takes up to {_MOST_EDITS} changes such as age:10,smile:-0.5")
    edits = {match[1]: float(match[2]) for match in matches if match}
    if len(edits) != len(matches):
        raise SettingError("edit names an attribute twice: give each once")
    return tuple(sorted((name, step) for name, step in edits.items() if step))
