"""`nobodies detect`: faces in pictures, videos, a camera or the screen."""

import json
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from nobodies.cli.options import settings_from, settings_options
from nobodies.errors import InputError, SettingError
from nobodies.files import make_folder, replacing
from nobodies.settings import DetectSettings, Mark
from nobodies.watch import HIDING, VideoSource, watch_picture, watch_video

if TYPE_CHECKING:
    from nobodies.imaging.video import Frame
    from nobodies.vision.follow import FaceFinder, FollowedFace

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".avif", ".bmp", ".tif", ".tiff", ".ppm", ".gif")
Emit = Callable[[dict[str, Any]], None]
Kind = Literal["camera", "screen", "folder", "picture", "video"]


@click.command(name="detect")
@click.argument("source", metavar="INPUT")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Copy with faces marked: a file, or a folder for a folder."
)
@click.option(
    "--json",
    "lines_path",
    type=click.Path(path_type=Path, allow_dash=True),
    help="JSON lines, one a picture or frame.  [default: standard output, unless there is --out]",
)
@click.option("--box", "mark", flag_value="box", default="box", help="Frame faces in the copy.  [default]")
@click.option("--points", "mark", flag_value="points", help="Mark eyes, nose, mouth and ears.")
@click.option("--blur", "mark", flag_value="blur", help="Hide faces behind a blur.")
@click.option("--pixelate", "mark", flag_value="pixelate", help="Hide faces behind patches of colour.")
@click.option("--seconds", type=click.FloatRange(min=0, min_open=True), help="Stop after so long.")
@settings_options(DetectSettings)
def command(
    source: str, out: Path | None, lines_path: Path | None, mark: Mark, seconds: float | None, **options: Any
) -> None:
    """Find faces, follow them through a video, and mark or hide them.

    INPUT is a picture, a folder of pictures, a video, camera:0, or the screen: screen: for all of it,
    screen:X,Y,WIDTH,HEIGHT for a part, screen:TITLE for a window.

    Ctrl-C ends a camera or the screen and keeps what was recorded. A file it gives up, and leaves nothing
    half-written.
    """
    kind = _kind(source, out)
    if mark in HIDING and out is None:
        raise click.UsageError(f"--{mark} hides faces in a copy: add --out FILE")
    if out is not None and _same_file(Path(source), out):
        raise SettingError(f"--out is the input itself, '{source}': give another name")
    settings = settings_from(DetectSettings, options)
    with _json_lines(lines_path, to_terminal=out is None) as emit:
        if kind == "picture":
            emit(_picture(Path(source), _finder(), settings, mark, out))
        elif kind == "folder":
            _folder(Path(source), settings, mark, out, emit)
        else:
            _video(kind, source, settings, mark, out, emit, seconds)


def _kind(source: str, out: Path | None) -> Kind:
    if source.startswith("camera:"):
        return "camera"
    if source.startswith("screen:"):
        return "screen"
    path = Path(source)
    if path.is_dir():
        return "folder"
    if not path.exists():
        raise InputError(f"'{source}' is not there: give a picture, a folder, a video, camera:0 or screen:")
    animated = path.suffix.lower() == ".gif" and out is not None and out.suffix.lower() not in PICTURE_SUFFIXES
    return "picture" if path.suffix.lower() in PICTURE_SUFFIXES and not animated else "video"


def _same_file(source: Path, out: Path) -> bool:
    return source.exists() and out.exists() and source.samefile(out)


def _finder() -> "FaceFinder":
    from nobodies.vision import Detector

    return Detector.load()


@contextmanager
def _json_lines(path: Path | None, *, to_terminal: bool) -> Iterator[Emit]:
    """Give what takes records: into a file that appears when it is complete, to standard output, or nowhere."""
    if path is None and not to_terminal:
        yield lambda record: None
    elif path is None or str(path) == "-":
        yield lambda record: click.echo(json.dumps(record))
    else:
        with replacing(path) as part, part.open("w", encoding="utf-8") as file:
            yield lambda record: print(json.dumps(record), file=file)


def _picture(
    path: Path, finder: "FaceFinder", settings: DetectSettings, mark: Mark, out: Path | None
) -> dict[str, Any]:
    from nobodies.imaging.decode import read_pixels

    pixels = read_pixels(path)
    faces = watch_picture(pixels, finder, settings, mark=mark, out=out)
    height, width = pixels.shape[:2]
    return {"file": path.name, "width": width, "height": height, "faces": [face.to_json() for face in faces]}


def _folder(folder: Path, settings: DetectSettings, mark: Mark, out: Path | None, emit: Emit) -> None:
    """Work through the pictures of a folder; those that cannot be read are named, skipped, and counted at the end."""
    from tqdm import tqdm

    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURE_SUFFIXES and path.is_file())
    if not paths:
        raise InputError(f"'{folder}' holds no picture: give a folder with {', '.join(PICTURE_SUFFIXES)} files")
    if out is not None:
        make_folder(out)
    finder, num_bad = _finder(), 0
    for path in tqdm(paths, unit="picture", file=sys.stderr, disable=None):
        try:
            emit(_picture(path, finder, settings, mark, out and _copy_name(out, path)))
        except InputError as error:
            num_bad += 1
            click.echo(f"nobodies: {error}", err=True)
    if num_bad:
        raise InputError(f"{num_bad} of {len(paths)} pictures in '{folder}' could not be read; the others are done")


def _copy_name(folder: Path, picture: Path) -> Path:
    """Name of a marked copy: the picture's own, or .png where that kind is read and not written."""
    writable = picture.suffix.lower() in {".jpg", ".jpeg", ".png", ".webp", ".avif"}
    return folder / (picture.name if writable else f"{picture.name}.png")


def _video(
    kind: Kind,
    source: str,
    settings: DetectSettings,
    mark: Mark,
    out: Path | None,
    emit: Emit,
    seconds: float | None,
) -> None:
    from tqdm import tqdm

    with _open(kind, source) as video, _stopping(live=kind != "video") as stopped:
        num_frames = video.info.num_frames if seconds is None else None
        frames = _until(video, stopped, seconds)
        found = watch_video(video, _finder(), settings, mark=mark, out=out, frames=frames)
        num_done, people = 0, set[int]()
        with closing(found), tqdm(total=num_frames, unit="frame", file=sys.stderr, disable=None) as bar:
            for frame, faces in found:
                people.update(face.track for face in faces)
                emit(_record(frame, faces))
                num_done += 1
                bar.update()
    click.echo(f"{num_done} frames, {len(people)} people", err=True)


def _open(kind: Kind, source: str) -> "AbstractContextManager[VideoSource]":
    place = source.partition(":")[2]
    if kind == "screen":
        from nobodies.imaging.screen import open_screen

        return open_screen(place)
    from nobodies.imaging.video_reader import open_camera, open_video

    if kind == "video":
        return open_video(Path(source))
    if not place.isascii() or not place.isdigit():
        raise SettingError(f"'{source}' names no camera: give its number, as in camera:0")
    return open_camera(int(place))


def _record(frame: "Frame", faces: "Iterable[FollowedFace]") -> dict[str, Any]:
    return {
        "frame": frame.index,
        "time_s": round(frame.time_s, 6),
        "faces": [face.to_json() for face in faces if face.evidence != "held"],
    }


def _until(video: VideoSource, stopped: threading.Event, seconds: float | None) -> "Iterator[Frame]":
    for frame in video:
        if stopped.is_set() or (seconds is not None and frame.time_s >= seconds):
            return
        yield frame


@contextmanager
def _stopping(*, live: bool) -> Iterator[threading.Event]:
    """Let the first Ctrl-C end a source that has no end by itself; a second one interrupts as usual."""
    stopped = threading.Event()
    if not live:
        yield stopped
        return

    def ask(*_: object) -> None:
        stopped.set()
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield stopped
    finally:
        signal.signal(signal.SIGINT, before)
