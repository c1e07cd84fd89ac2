"""Making many faces into a folder: encoded while the next are drawn, and resumed by asking for the same again."""

import hashlib
import itertools
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from nobodies.errors import OutputError
from nobodies.files import explained, require_writable, write_atomic
from nobodies.generator import Face, Generator, checked_size, picture_recipe, recipe
from nobodies.imaging import CODECS, contact_sheet, xmp_of
from nobodies.imaging.ahead import work_beside
from nobodies.provenance import encode_marked, mark_recipe, recipe_of
from nobodies.settings import FaceSettings, MarkSettings, PictureSettings

MANIFEST_NAME: Final = "manifest.jsonl"
MOST_ON_SHEET: Final = 100


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """A face to be made: by its seed, or by its truncated style codes."""

    stem: str
    """Name of its file, without the ending."""
    seed: int | None = None
    ws: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """A file that is in the folder."""

    path: Path
    seed: int | None
    sha256: str
    recipe: dict[str, Any]


def orders_from_seeds(seeds: Iterable[int]) -> Iterator[Order]:
    """Order a face a seed."""
    return (Order(f"face-{seed}", seed=seed) for seed in seeds)


def orders_from_codes(ws: NDArray[np.float32], stem: str) -> Iterator[Order]:
    """Order a face for each of the truncated style codes [N, L, W], numbered from 0."""
    return (Order(f"{stem}-{index:04d}", ws=each) for index, each in enumerate(ws))


class FolderJob:
    """Faces to be written into one folder.

    A file is finished if it carries the recipe that is asked for. One that stands in the way with another recipe, or
    that is not ours, is never touched unless `overwrite` says so.
    """

    def __init__(
        self,
        generator: Generator,
        folder: Path,
        *,
        face: FaceSettings | None = None,
        picture: PictureSettings | None = None,
        marks: MarkSettings | None = None,
        manifest: bool = False,
        overwrite: bool = False,
    ) -> None:
        """Prepare the folder.

        Raises:
            SettingError: the model makes no pictures of that size.
            OutputError: the folder cannot be written.
        """
        self.generator = generator
        self.folder = folder
        self.face = face or FaceSettings()
        self.picture = picture or PictureSettings()
        self.marks = marks or MarkSettings()
        self.overwrite = overwrite
        checked_size(self.picture, generator.engine.resolution, generator.model.name)
        require_writable(folder)
        self.manifest = Manifest(folder / MANIFEST_NAME) if manifest else None

    def path(self, order: Order) -> Path:
        """Give the file an order ends up in."""
        return self.folder / f"{order.stem}{CODECS[self.picture.format].suffix}"

    def finished(self, order: Order) -> Made | None:
        """Give the file of an order if it is there, whole and made as asked; None if it is to be made.

        Raises:
            OutputError: another file stands in the way.
        """
        path = self.path(order)
        if self.overwrite or not path.exists():
            return None
        wanted = self._recipe(order)
        found = _recipe_in(path)
        if found != wanted:
            raise OutputError(
                f"{path} is there already, {_difference(found, wanted)}: choose another folder or --overwrite"
            )
        made = Made(path, order.seed, _sha256(path), wanted)
        if self.manifest and self.manifest.checksum(path.name) not in (None, made.sha256):
            raise OutputError(f"{path} has changed since it was made: move it away, or use --overwrite")
        return made

    def run(
        self, orders: Iterable[Order], *, jobs: int = 0, lets_out: Callable[[Face], bool] | None = None
    ) -> Iterator[Made]:
        """Make faces, in order. Encoding runs in threads beside the drawing.

        Args:
            orders: those not finished yet.
            jobs: encoding threads; 0 for one a core.
            lets_out: asked for each face before it is written; one that it refuses is left out.

        Yields:
            Each file once it is whole and on disk. Closing the iterator keeps what is finished.

        Raises:
            OutputError: a file cannot be written.
        """
        orders, again = itertools.tee(orders)
        faces = self.generator.draw(((each.seed, self._styles(each)) for each in orders), self.face)
        drawn = (pair for pair in zip(again, faces, strict=True) if lets_out is None or lets_out(pair[1]))
        return work_beside(self._write, drawn, jobs=jobs or os.cpu_count() or 1, finished=self.note)

    def note(self, made: Made) -> None:
        """Enter a finished file in the manifest, if there is one and it lacks it."""
        if self.manifest:
            self.manifest.enter(made)

    def _styles(self, order: Order) -> NDArray[np.float32]:
        if order.ws is not None:
            return order.ws
        assert order.seed is not None, "an order has a seed or codes"
        return self.generator.styles_of_seed(order.seed, self.face)

    def _recipe(self, order: Order) -> dict[str, Any]:
        model = self.generator.model
        made = recipe(model.name, model.fingerprint, self.face, seed=order.seed, w=order.ws)
        return made | picture_recipe(self.picture) | mark_recipe(self.marks)

    def _write(self, drawn: tuple[Order, Face]) -> Made:
        (order, face), picture = drawn, self.picture
        data = face.encode(format=picture.format, size_px=picture.size_px, quality=picture.quality, marks=self.marks)
        path = self.path(order)
        write_atomic(path, data)
        return Made(path, order.seed, hashlib.sha256(data).hexdigest(), self._recipe(order))


class Manifest:
    """A file of JSON lines, one a picture: file, seed, checksum, recipe. Mended when opened after a kill."""

    def __init__(self, path: Path) -> None:
        """Read what is there; a last line torn by a kill is dropped.

        Raises:
            OutputError: the file cannot be read or written.
        """
        self._path = path
        self._checksums: dict[str, str] = {}
        with explained(path):
            lines = path.read_text().splitlines() if path.exists() else []
        whole = [line for line in lines if self._take(line)]
        if whole != lines:
            write_atomic(path, "".join(f"{line}\n" for line in whole).encode())

    def checksum(self, name: str) -> str | None:
        """Give the checksum noted for a file, or None."""
        return self._checksums.get(name)

    def enter(self, made: Made) -> None:
        """Add a line, unless it is there. A file made again gets a new line; the last one counts.

        Raises:
            OutputError: the disk is full.
        """
        if self._checksums.get(made.path.name) == made.sha256:
            return
        entry = {"file": made.path.name, "seed": made.seed, "sha256": made.sha256, "recipe": made.recipe}
        with explained(self._path), self._path.open("a") as file:
            file.write(json.dumps(entry) + "\n")
        self._checksums[made.path.name] = made.sha256

    def _take(self, line: str) -> bool:
        try:
            entry = json.loads(line)
            self._checksums[entry["file"]] = entry["sha256"]
        except (ValueError, TypeError, KeyError):
            return False
        return True


def write_sheet(paths: Sequence[Path], target: Path, *, marks: MarkSettings | None = None) -> int:
    """Write a contact sheet, marked as generated.

    Args:
        paths: picture files; the first `MOST_ON_SHEET` are shown.
        target: a .jpg file.
        marks: which marks say so; all that can be made if None.

    Returns:
        How many are shown.
    """
    shown = paths[:MOST_ON_SHEET]
    sheet = contact_sheet(map(_thumbnail, shown), count=len(shown))
    write_atomic(target, encode_marked(sheet, {"sheet_of": [path.name for path in shown]}, marks=marks))
    return len(shown)


def _thumbnail(path: Path) -> Image.Image:
    with Image.open(path) as image:
        image.draft("RGB", (512, 512))
        return image.convert("RGB")


def _recipe_in(path: Path) -> dict[str, Any] | None:
    try:
        with Image.open(path) as image:
            packet_found = xmp_of(image)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError):
        return None
    return recipe_of(packet_found) if packet_found else None


def _difference(found: dict[str, Any] | None, wanted: dict[str, Any]) -> str:
    if found is None:
        return "and not made by this command"
    odd = [key for key in sorted({*found, *wanted}) if found.get(key) != wanted.get(key)]
    return "made with another " + " and ".join(f"{key} ({found.get(key)})" for key in odd)


def _sha256(path: Path) -> str:
    with explained(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
