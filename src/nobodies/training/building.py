"""From any pictures to a dataset: cut, check, write, report.

Work goes to a folder beside the result, one journal line a picture, so that the same command continues after a stop.
"""

import hashlib
import io
import json
import shutil
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nobodies.errors import InputError, SettingError
from nobodies.files import explained, make_folder, require_writable, write_atomic
from nobodies.imaging import contact_sheet
from nobodies.settings import Settings, setting
from nobodies.training.dataset import LABELS_NAME
from nobodies.training.sources import SourcePicture, find_pictures

Colour = Literal["as first", "rgb", "grey"]
Format = Literal["png", "jpeg"]
Cut = Callable[[Image.Image], list[Image.Image]]
"""Cuts the faces out of a picture, [] where there is none. Raises InputError, 'reason: …', if it takes none."""

_SHEET_COUNT: Final = 48
_NEAR_BITS: Final = 2
_MODES: Final = {"rgb": "RGB", "grey": "L"}


@dataclass(frozen=True, kw_only=True)
class BuildSettings(Settings):
    """What to take into a dataset and how to write it."""

    resolution: int = setting(64, "side of the pictures in pixels, a power of two", minimum=8, maximum=4096)
    min_face: int = setting(0, "leave out crops made from fewer pixels a side than this", minimum=0)
    min_sharpness: float = setting(0.0, "leave out blurred pictures: try 20; 0 keeps all", minimum=0.0)
    dedupe: bool = setting(False, "leave out pictures that look the same as an earlier one")
    colour: Colour = setting("as first", "grey or colour; as the first picture is if not given")
    format: Format = setting("png", "of the files inside")
    quality: int = setting(95, "of jpeg", minimum=1, maximum=100)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.resolution & (self.resolution - 1):
            raise SettingError(f"resolution is {self.resolution}: it must be a power of two, such as 64 or 256")


@dataclass(frozen=True)
class Taken:
    """A picture that was made, waiting in the work folder."""

    file: str
    look: int
    """64 bits that near-equal pictures share: see `look_of`."""


@dataclass(frozen=True)
class Judged:
    """What became of one picture of the source."""

    name: str
    taken: tuple[Taken, ...] = ()
    rejected: str | None = None


@dataclass(frozen=True)
class BuildReport:
    """What went into a dataset and what did not."""

    num_sources: int
    num_pictures: int
    rejects: Mapping[str, int]
    num_classes: int
    settings: Mapping[str, Any]
    source: str
    licence: str


def build(
    source: Path,
    out: Path,
    settings: BuildSettings,
    *,
    cut: Cut | None = None,
    classes: Callable[[SourcePicture], str] | None = None,
    licence: str = "",
    workers: int = 2,
) -> Iterator[tuple[int, int]]:
    """Build a dataset, yielding (pictures done, pictures in all).

    Writes `OUT`, a zip; `OUT.report.json`; and `OUT.sheet.jpg`, a contact sheet.

    Args:
        source: picture, video, folder or zip.
        out: zip to write.
        settings: what to take.
        cut: finds and cuts faces; the centre square is cut if not given.
        classes: gives each picture's class name; unlabelled if not given.
        licence: a note to carry in the report.
        workers: threads.

    Raises:
        InputError: the source cannot be read, or nothing in it can be taken.
        OutputError: the result cannot be written.
    """
    pictures = find_pictures(source)
    require_writable(out.absolute().parent)
    work = out.with_name(f".{out.name}.work")
    mode = _mode(pictures, settings)
    journal = _Journal(work, _fingerprint(source, settings, cut))
    yield from _judge_all(pictures, journal, settings, cut or centre_square(settings.min_face), mode, workers)
    judged = {each.name: each for each in journal.read()}
    in_order = [judged[picture.name] for picture in pictures]
    kept, rejects = _select(in_order, settings)
    if not kept:
        raise InputError(f"nothing in {source} can be taken: {_counts(rejects)}")
    labels = _labels(kept, {picture.name: picture for picture in pictures}, classes)
    _write_zip(out, work, kept, labels, settings)
    num_classes = len(set(labels)) if labels else 0
    report = BuildReport(len(pictures), len(kept), rejects, num_classes, asdict(settings), source.name, licence)
    _write_sheet(out, work, [taken for _, taken in kept])
    write_atomic(out.with_name(f"{out.name}.report.json"), json.dumps(asdict(report), indent=2).encode() + b"\n")
    shutil.rmtree(work)


def read_report(out: Path) -> BuildReport:
    """Read what `build` wrote beside the zip."""
    return BuildReport(**json.loads(out.with_name(f"{out.name}.report.json").read_text()))


def sharpness(pixels: NDArray[np.uint8]) -> float:
    """Variance of the Laplacian of a grey picture [H, W]: low where nothing is sharp."""
    x = pixels.astype(np.float32)
    laplacian = x[:-2, 1:-1] + x[2:, 1:-1] + x[1:-1, :-2] + x[1:-1, 2:] - 4 * x[1:-1, 1:-1]
    return float(laplacian.var())


def look_of(image: Image.Image) -> int:
    """64 bits that say where a small copy of the picture grows brighter from left to right."""
    small = np.asarray(image.convert("L").resize((9, 8), Image.Resampling.BOX)).astype(np.int16)
    bits = (small[:, 1:] > small[:, :-1]).ravel()
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


class _Journal:
    """One line a judged picture. Begins anew where source or settings have changed."""

    def __init__(self, work: Path, fingerprint: str) -> None:
        self.work = work
        self._path = work / "journal.jsonl"
        self._head = json.dumps({"fingerprint": fingerprint}) + "\n"
        if not self._path.exists() or not self._path.read_text().startswith(self._head):
            shutil.rmtree(work, ignore_errors=True)
            make_folder(work)
            write_atomic(self._path, self._head.encode())

    def read(self) -> list[Judged]:
        """All whole lines; a kill may have cut the last."""
        lines = self._path.read_text().splitlines()[1:]
        return [_judged(json.loads(line)) for line in lines if line.endswith("}")]

    def repair(self) -> list[Judged]:
        """Drop a line that a kill has cut, and give the others."""
        done = self.read()
        write_atomic(self._path, (self._head + "".join(json.dumps(asdict(each)) + "\n" for each in done)).encode())
        return done

    def append(self, judged: Judged) -> None:
        with explained(self._path), self._path.open("a") as file:
            file.write(json.dumps(asdict(judged)) + "\n")


def _judged(values: dict[str, Any]) -> Judged:
    return Judged(values["name"], tuple(Taken(**taken) for taken in values["taken"]), values["rejected"])


def _fingerprint(source: Path, settings: BuildSettings, cut: Cut | None) -> str:
    stat = source.stat()
    values = [str(source.absolute()), stat.st_mtime_ns, stat.st_size, asdict(settings), cut is not None]
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()


def _judge_all(
    pictures: list[SourcePicture], journal: _Journal, settings: BuildSettings, cut: Cut, mode: str, workers: int
) -> Iterator[tuple[int, int]]:
    done = {each.name for each in journal.repair()}
    todo = [(index, picture) for index, picture in enumerate(pictures) if picture.name not in done]

    def judge(task: tuple[int, SourcePicture]) -> Judged:
        index, picture = task
        return _judge(picture, f"{index:08d}", journal.work, settings, cut, mode)

    count = len(done)
    with ThreadPoolExecutor(workers, thread_name_prefix="build") as pool:
        step = 16 * workers  # so that a stop loses little, and no more than this waits in memory
        for start in range(0, len(todo), step):
            for judged in pool.map(judge, todo[start : start + step]):
                journal.append(judged)
                count += 1
                yield count, len(pictures)


def _judge(picture: SourcePicture, stem: str, work: Path, settings: BuildSettings, cut: Cut, mode: str) -> Judged:
    taken: list[Taken] = []
    reason = "no face"
    try:
        for image in picture.read():
            try:
                crops = [_resized(crop, settings, mode) for crop in cut(image)]
            except InputError as error:
                reason = _reason(error)
                continue
            for crop in crops:
                if settings.min_sharpness and sharpness(np.asarray(crop.convert("L"))) < settings.min_sharpness:
                    reason = "blurred"
                    continue
                file = f"{stem}-{len(taken)}.{settings.format}"
                write_atomic(work / file, _encode(crop, settings))
                taken.append(Taken(file, look_of(crop)))
    except InputError as error:  # from here on it cannot be read; what was taken of a video stays
        reason = _reason(error)
    return Judged(picture.name, tuple(taken), None if taken else reason)


def _reason(error: InputError) -> str:
    return str(error).partition(":")[0]


def _resized(crop: Image.Image, settings: BuildSettings, mode: str) -> Image.Image:
    side = settings.resolution
    return crop.convert(mode).resize((side, side), Image.Resampling.LANCZOS, reducing_gap=3.0)


def centre_square(min_face_px: int) -> Cut:
    """Cut the centre square of every picture whose shorter side has this many pixels."""

    def cut(image: Image.Image) -> list[Image.Image]:
        side = min(image.size)
        if side < min_face_px:
            raise InputError(f"too small: {side} px, want {min_face_px}")
        left, top = (image.width - side) // 2, (image.height - side) // 2
        return [image.crop((left, top, left + side, top + side))]

    return cut


def _mode(pictures: list[SourcePicture], settings: BuildSettings) -> str:
    """Pillow's mode for all pictures: as wished, or grey where the first that can be read is."""
    if settings.colour != "as first":
        return _MODES[settings.colour]
    for picture in pictures[:100]:
        try:
            return "L" if next(picture.read()).mode in {"1", "L", "I;16", "LA"} else "RGB"
        except (InputError, StopIteration):
            continue
    return "RGB"


def _encode(image: Image.Image, settings: BuildSettings) -> bytes:
    buffer = io.BytesIO()
    if settings.format == "png":
        image.save(buffer, "PNG", compress_level=4)
    else:
        image.save(buffer, "JPEG", quality=settings.quality, subsampling=0)
    return buffer.getvalue()


def _select(judged: list[Judged], settings: BuildSettings) -> tuple[list[tuple[str, Taken]], dict[str, int]]:
    """What stays, as (source name, picture), and how many fell for which reason."""
    rejects = Counter(each.rejected for each in judged if each.rejected)
    taken = [(each.name, picture) for each in judged for picture in each.taken]
    if settings.dedupe:
        fresh = _unlike_earlier([picture.look for _, picture in taken])
        rejects["duplicate"] = len(taken) - sum(fresh)
        taken = [pair for pair, keep in zip(taken, fresh, strict=True) if keep]
    return taken, {reason: count for reason, count in rejects.items() if reason and count}


def _unlike_earlier(looks: list[int]) -> list[bool]:
    """Which of the looks differ by more than a few bits from all that were kept before them."""
    kept = np.zeros(len(looks), dtype=np.uint64)
    count, fresh = 0, []
    for look in looks:
        distances = np.bitwise_count(kept[:count] ^ np.uint64(look))
        new = not (distances <= _NEAR_BITS).any()
        if new:
            kept[count] = look
            count += 1
        fresh.append(bool(new))
    return fresh


def _labels(
    kept: list[tuple[str, Taken]],
    pictures: Mapping[str, SourcePicture],
    classes: Callable[[SourcePicture], str] | None,
) -> list[int] | None:
    if classes is None:
        return None
    names = [classes(pictures[name]) for name, _ in kept]
    numbers = {name: number for number, name in enumerate(sorted(set(names)))}
    return [numbers[name] for name in names]


def _write_zip(
    out: Path, work: Path, kept: list[tuple[str, Taken]], labels: list[int] | None, settings: BuildSettings
) -> None:
    """Write the dataset under a temporary name, then give it its own. The same pictures give the same bytes."""
    temporary = work / "dataset.zip"
    names = [f"{index // 1000:05d}/img{index:08d}.{settings.format}" for index in range(len(kept))]
    with explained(out):
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
            for name, (_, taken) in zip(names, kept, strict=True):
                # A ZipInfo of its own, since the usual one would note the time.
                archive.writestr(zipfile.ZipInfo(name), (work / taken.file).read_bytes())
            table = None if labels is None else [list(pair) for pair in zip(names, labels, strict=True)]
            archive.writestr(zipfile.ZipInfo(LABELS_NAME), json.dumps({"labels": table}))
        temporary.replace(out)


def _write_sheet(out: Path, work: Path, taken: list[Taken]) -> None:
    chosen = taken[:: max(len(taken) // _SHEET_COUNT, 1)][:_SHEET_COUNT]
    sheet = contact_sheet((_loaded(work / each.file) for each in chosen), count=len(chosen), cell_px=128)
    buffer = io.BytesIO()
    sheet.save(buffer, "JPEG", quality=90)
    write_atomic(out.with_name(f"{out.name}.sheet.jpg"), buffer.getvalue())


def _loaded(path: Path) -> Image.Image:
    with Image.open(path) as image:
        image.load()
    return image


def _counts(rejects: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in rejects.items())


def class_by_folder(picture: SourcePicture) -> str:
    """The name of the folder a picture lies in."""
    return picture.folder


def class_by_table(path: Path) -> Callable[[SourcePicture], str]:
    """Read a CSV of picture name and class, without a header.

    Raises:
        InputError: it cannot be read; or later, a picture is not in it.
    """
    import csv

    try:
        with path.open(newline="", encoding="utf-8") as file:
            table = {row[0]: row[1] for row in csv.reader(file) if len(row) >= 2}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read as CSV of name and class: {error}") from error

    def class_of(picture: SourcePicture) -> str:
        if picture.name not in table:
            raise InputError(f"{path} has no class for {picture.name}: add a line, or take the picture out")
        return table[picture.name]

    return class_of
