"""Whether the watermark can be read from single frames of films, and from round pictures and cut-outs.

    python -m benchmarks.films --films 3 --sizes 512 1024
    python -m benchmarks.films --cut-outs 60
    python -m benchmarks.films --time 1024

Prints tables; asserts nothing.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.watermark import recompressed, scaled
from nobodies.generator import Generator
from nobodies.imaging import resize
from nobodies.imaging.animation import SUFFIXES
from nobodies.motion import Motion, morph
from nobodies.provenance import write_marked_animation
from nobodies.provenance.marks import message_of
from nobodies.provenance.watermark import Kind, Message, detect, embed
from nobodies.settings import FaceSettings, MarkSettings
from nobodies.vision.segment import cut_out
from nobodies.web.pictures import circled

Pixels = NDArray[np.uint8]

FRAMES = 24
AGAIN = {
    "mp4, encoded again at crf 28": ("libx264", {"crf": "28", "preset": "veryfast"}, 1.0),
    "mp4, encoded again at crf 35": ("libx264", {"crf": "35", "preset": "veryfast"}, 1.0),
    "mp4, half the size, crf 23": ("libx264", {"crf": "23", "preset": "veryfast"}, 0.5),
}


def films(count: int, sizes: list[int]) -> None:
    """Print how many frames of each kind of film can be read by themselves."""
    generator = Generator.load()
    print("| frames read | " + " | ".join(f"{size} px" for size in sizes) + " |\n|---|" + "---|" * len(sizes))
    table: dict[str, list[str]] = {}
    for size in sizes:
        for name, (read, seen) in frames_read(generator, count, size).items():
            table.setdefault(name, []).append(f"{read} of {seen}")
    for name, row in table.items():
        print(f"| {name} | " + " | ".join(row) + " |")


def frames_read(generator: Generator, count: int, size_px: int) -> dict[str, tuple[int, int]]:
    """Count the frames read, and the frames looked at, by kind of film."""
    found: dict[str, tuple[int, int]] = {}
    settings = FaceSettings()
    for number in range(count):
        seeds = [10 * number + 3, 10 * number + 4]
        codes = morph(generator, seeds, Motion(FRAMES), settings)
        drawn = generator.draw(((None, each) for each in codes), settings)
        pictures = [np.asarray(resize(face.image, size_px)) for face in drawn]
        recipe = {"morph": seeds}
        for name, frames in written(pictures, recipe):
            right = sum(map(is_right(message_of(recipe, MarkSettings())), frames))
            read, seen = found.get(name, (0, 0))
            found[name] = (read + right, seen + len(frames))
    return found


def is_right(message: Message) -> Callable[[Pixels], bool]:
    """Make what tells whether a frame says `message`."""

    def says(frame: Pixels) -> bool:
        marked = detect(Image.fromarray(frame))
        return marked is not None and marked.message == message

    return says


def written(pictures: list[Pixels], recipe: dict[str, list[int]]) -> Iterator[tuple[str, list[Pixels]]]:
    """Write films of every kind and give every fourth frame of each."""
    with tempfile.TemporaryDirectory() as folder:
        for suffix in SUFFIXES:
            path = Path(folder) / f"film{suffix}"
            write_marked_animation(path, pictures, recipe, rate_fps=25, marks=MarkSettings(c2pa="off"))
            yield suffix, decoded(path)[::4]
        frames = decoded(Path(folder) / "film.mp4")
        for name, (codec, options, share) in AGAIN.items():
            yield name, decoded(encoded(Path(folder) / "again.mp4", frames, codec, options, share))[::4]


def encoded(path: Path, frames: list[Pixels], codec: str, options: dict[str, str], share: float) -> Path:
    """Encode frames as somebody else would."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream(codec, rate=25, options=options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = (round(side * share) for side in frames[0].shape[1::-1])
        stream.pix_fmt = "yuv420p"
        for each in frames:
            picture = av.VideoFrame.from_ndarray(each, "rgb24")
            file.mux(stream.encode(picture.reformat(stream.width, stream.height, "yuv420p", interpolation="BICUBIC")))
        file.mux(stream.encode(None))
    return path


def decoded(path: Path) -> list[Pixels]:
    """Read all frames of a film."""
    if path.suffix in (".gif", ".webp"):
        with Image.open(path) as film:
            count, frames = getattr(film, "n_frames", 1), []
            for number in range(count):
                film.seek(number)
                frames.append(np.asarray(film.convert("RGB")))
            return frames
    with av.open(str(path)) as file:
        return [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in file.decode(video=0)]


def cut_outs(count: int, sizes: list[int]) -> None:
    """Print how many round pictures and cut-outs can be read where they are laid on something."""
    faces = list(Generator.load().faces(range(1, count + 1)))
    shapes: dict[str, Callable[[Pixels], Image.Image]] = {
        "circle": lambda pixels: circled(Image.fromarray(pixels)),
        "cut out": lambda pixels: Image.fromarray(cut_out(pixels), "RGBA"),
    }
    grounds: dict[str, Callable[[Image.Image], Image.Image]] = {
        "on white": lambda image: laid_on(image, (255, 255, 255)),
        "on black": lambda image: laid_on(image, (0, 0, 0)),
        "on white, jpeg 70": lambda image: recompressed(laid_on(image, (255, 255, 255)), 70),
        "on white, half the size": lambda image: scaled(laid_on(image, (255, 255, 255)), 0.5),
        "within a page": on_a_page,
    }
    print("| read | " + " | ".join(f"{size} px" for size in sizes) + " |\n|---|" + "---|" * len(sizes))
    for shape, cut in shapes.items():
        images = [cut(face.pixels) for face in faces]
        if shape == "cut out":
            opaque = [float((np.asarray(image)[..., 3] > 0).mean()) for image in images]
            print(f"(opaque: {np.mean(opaque):.0%} on average, {min(opaque):.0%} at least)")
        for ground, laid in grounds.items():
            row = [
                sum(reads(resize(image, size), number, laid) for number, image in enumerate(images)) for size in sizes
            ]
            print(f"| {shape}, {ground} | " + " | ".join(f"{each} of {count}" for each in row) + " |")


def reads(image: Image.Image, number: int, laid: Callable[[Image.Image], Image.Image]) -> bool:
    """Tell whether a picture is read after being marked and laid on something."""
    message = Message(Kind.SEED, number)
    return is_right(message)(np.asarray(laid(embed(image, message))))


def laid_on(image: Image.Image, colour: tuple[int, int, int]) -> Image.Image:
    """Lay a picture on one colour."""
    ground = Image.new("RGB", image.size, colour)
    ground.paste(image, mask=image.getchannel("A"))
    return ground


def on_a_page(image: Image.Image) -> Image.Image:
    """Lay a picture on a larger grey page, and compress that."""
    page = Image.new("RGB", (round(image.width * 1.6), round(image.height * 1.3)), (238, 238, 240))
    page.paste(image, (image.width // 4, image.height // 7), image.getchannel("A"))
    return recompressed(page, 80)


def timed(size_px: int) -> None:
    """Print how long marking one frame takes, and looking for its mark."""
    pictures = [resize(face.image, size_px) for face in Generator.load().faces(range(1, 9))]
    message = Message(Kind.DIGEST, 7)
    marked = [embed(image, message) for image in pictures]
    tell(f"marking {size_px} px", lambda image: np.asarray(embed(image, message)), pictures * 6)
    tell(f"reading {size_px} px", detect, marked)
    tell(f"reading {size_px} px, turned by 2 degrees", detect, [image.rotate(2) for image in marked])
    tell(f"reading {size_px} px, unmarked", detect, pictures)


def tell(name: str, work: Callable[[Image.Image], object], images: list[Image.Image]) -> None:
    """Print how long work takes on each of some pictures."""
    seconds = []
    for image in images:
        start = time.perf_counter()
        work(image)
        seconds.append(time.perf_counter() - start)
    ms = 1000 * np.array(seconds)
    print(f"{name}: {np.median(ms):.1f} ms median, {ms.min():.1f} least, {ms.max():.1f} most, of {len(ms)}")


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=int, help="so many morphs of 25 frames")
    parser.add_argument("--cut-outs", type=int, help="so many faces, round and cut out")
    parser.add_argument("--time", type=int, metavar="PX", help="time to mark and to read a frame of this size")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1024, 512, 256], help="sides, px")
    arguments = parser.parse_args()
    if arguments.films:
        films(arguments.films, arguments.sizes)
    if arguments.cut_outs:
        cut_outs(arguments.cut_outs, arguments.sizes)
    if arguments.time:
        timed(arguments.time)


if __name__ == "__main__":
    main()
