"""What the watermark survives, what it costs, and how often it is seen where there is none.

    python benchmarks/watermark.py --faces 60
    python benchmarks/watermark.py --unmarked FOLDER_OR_ZIP --state seen.jsonl

Unmarked faces are made by `nobodies generate --count 1000 --size 512 --xmp off --watermark off --c2pa off`.
Prints a table; asserts nothing.
"""

import argparse
import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from nobodies.generator import Generator
from nobodies.imaging import resize
from nobodies.provenance.watermark import Kind, Message, detect, embed

Change = Callable[[Image.Image], Image.Image]


def recompressed(image: Image.Image, quality: int, format: str = "JPEG") -> Image.Image:
    """Encode and decode."""
    file = io.BytesIO()
    image.save(file, format, quality=quality)
    return Image.open(file).convert("RGB")


def scaled(image: Image.Image, share: float, kernel: Image.Resampling = Image.Resampling.LANCZOS) -> Image.Image:
    """Change the number of pixels."""
    return image.resize((round(image.width * share), round(image.height * share)), kernel)


def cropped(image: Image.Image, share: float) -> Image.Image:
    """Cut a share off the side, more from left and top than from right and bottom, by an odd number of pixels."""
    cut = round(image.width * share)
    left, top = round(cut * 0.63), round(cut * 0.81)
    return image.crop((left, top, left + image.width - cut, top + image.height - cut))


def straightened(image: Image.Image, degrees: float) -> Image.Image:
    """Turn a picture and cut away what was turned out of its frame, as photograph editors do."""
    turned, cut = image.rotate(degrees, Image.Resampling.BICUBIC), round(image.width * abs(degrees) * 0.02)
    return turned.crop((cut, cut, image.width - cut, image.height - cut))


def screenshot(image: Image.Image) -> Image.Image:
    """Show the picture at four fifths of its size on a page, and photograph the page."""
    shown = scaled(image, 0.8, Image.Resampling.BILINEAR)
    page = Image.new("RGB", (round(shown.width * 1.7), round(shown.height * 1.2)), (240, 240, 240))
    page.paste(shown, (shown.width // 3, shown.height // 11))
    return recompressed(page, 80)


CHANGES: dict[str, Change] = {
    "none": lambda image: image,
    "jpeg 90": lambda image: recompressed(image, 90),
    "jpeg 70": lambda image: recompressed(image, 70),
    "jpeg 50": lambda image: recompressed(image, 50),
    "jpeg 30": lambda image: recompressed(image, 30),
    "webp 50": lambda image: recompressed(image, 50, "WEBP"),
    "avif 50": lambda image: recompressed(image, 50, "AVIF"),
    "resize 75%": lambda image: scaled(image, 0.75),
    "resize 50%": lambda image: scaled(image, 0.5),
    "resize 25%": lambda image: scaled(image, 0.25),
    "resize 25%, jpeg 70": lambda image: recompressed(scaled(image, 0.25), 70),
    "resize 12.5%": lambda image: scaled(image, 0.125),
    "crop 10%": lambda image: cropped(image, 0.1),
    "crop 25%": lambda image: cropped(image, 0.25),
    "crop 50%": lambda image: cropped(image, 0.5),
    "crop 25%, resize 50%, jpeg 70": lambda image: recompressed(scaled(cropped(image, 0.25), 0.5), 70),
    "brightness x 1.3": lambda image: ImageEnhance.Brightness(image).enhance(1.3),
    "brightness x 0.7": lambda image: ImageEnhance.Brightness(image).enhance(0.7),
    "contrast x 0.6": lambda image: ImageEnhance.Contrast(image).enhance(0.6),
    "grey": lambda image: image.convert("L").convert("RGB"),
    "blur 2 px": lambda image: image.filter(ImageFilter.GaussianBlur(2)),
    "blur 4 px": lambda image: image.filter(ImageFilter.GaussianBlur(4)),
    "blur 8 px": lambda image: image.filter(ImageFilter.GaussianBlur(8)),
    "screenshot": screenshot,
    "mirrored": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "turned by 1 degree": lambda image: image.rotate(1, Image.Resampling.BICUBIC),
    "turned by 5 degrees": lambda image: image.rotate(5, Image.Resampling.BICUBIC),
    "turned by 33 degrees, larger canvas": lambda image: image.rotate(33, Image.Resampling.BICUBIC, expand=True),
    "turned by 90 degrees": lambda image: image.transpose(Image.Transpose.ROTATE_90),
    "straightened by 3 degrees": lambda image: straightened(image, 3),
    "straightened by 3 degrees, jpeg 70": lambda image: recompressed(straightened(image, 3), 70),
    "stretched 5% across": lambda image: image.resize((round(image.width * 1.05), image.height)),
}


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, default=20, help="how many generated faces to mark")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1024, 512, 256, 128], help="sides, px")
    parser.add_argument("--originals", type=Path, help="mark the pictures of this folder instead of new faces")
    parser.add_argument("--unmarked", type=Path, help="a folder or zip of unmarked pictures: count false alarms only")
    parser.add_argument("--state", type=Path, help="where false alarms are noted, so that a run can go on")
    parser.add_argument("--only", nargs="+", help="changes whose names hold one of these words; all if not given")
    arguments = parser.parse_args()
    for name in [each for each in CHANGES if arguments.only and not any(word in each for word in arguments.only)]:
        del CHANGES[name]
    if arguments.unmarked:
        false_alarms(arguments.unmarked.name, pictures(arguments.unmarked), arguments.state)
    else:
        survival(list(originals(arguments.originals, arguments.faces)), arguments.sizes)


def originals(folder: Path | None, count: int) -> Iterator[Image.Image]:
    """Give unmarked pictures."""
    if folder is None:
        yield from (face.image for face in Generator.load().faces(range(1, count + 1)))
    else:
        yield from (Image.open(path).convert("RGB") for path in sorted(folder.glob("*.png"))[:count])


def survival(images: list[Image.Image], sizes: list[int]) -> None:
    """Print the share of marks read back exactly."""
    columns = [measured([resize(image, size) for image in images]) for size in sizes]
    print(f"{len(images)} faces\n")
    print("| | " + " | ".join(f"{size} px" for size in sizes) + " |\n|---|" + "---|" * len(sizes))
    for row in columns[0]:
        print(f"| {row} | " + " | ".join(column[row] for column in columns) + " |")


def measured(images: list[Image.Image]) -> dict[str, str]:
    """Give one column of the table."""
    marked, distances, embed_s = [], [], []
    for number, image in enumerate(images):
        message = Message(Kind.SEED, number * 0x9E3779B97F4A7C15 & (1 << 64) - 1)
        start = time.perf_counter()
        marked.append((message, embed(image, message)))
        embed_s.append(time.perf_counter() - start)
        error = np.asarray(marked[-1][1], np.float64) - np.asarray(image, np.float64)
        distances.append(10 * np.log10(255**2 / np.mean(error**2)))
    column = {
        "PSNR, mean (least)": f"{np.mean(distances):.1f} ({min(distances):.1f}) dB",
        "time to mark, median": f"{1000 * np.median(embed_s):.1f} ms",
    }
    return column | {name: share(marked, change) for name, change in CHANGES.items()}


def share(marked: list[tuple[Message, Image.Image]], change: Change) -> str:
    """Give how many are read back exactly after a change."""
    found = [(detect(change(image)), message) for message, image in marked]
    right = sum(each is not None and each.message == message for each, message in found)
    wrong = sum(each is not None and each.message != message for each, message in found)
    return f"{100 * right / len(marked):.0f}%" + (f", {wrong} wrong" if wrong else "")


Opener = Callable[[], Image.Image]


def false_alarms(name: str, unmarked: Iterator[tuple[str, Opener]], state: Path | None) -> None:
    """Count marks seen in pictures that have none; those noted in `state` are not looked at again."""
    seen = {}
    if state and state.exists():
        seen = {row["name"]: row for row in map(json.loads, state.read_text().splitlines())}
    for each, opened in unmarked:
        if each in seen:
            continue
        image, start = opened(), time.thread_time()
        found = detect(image)
        seconds = time.thread_time() - start
        seen[each] = {"name": each, "alarm": found is not None, "seconds": round(seconds, 4)}
        if state:
            with state.open("a") as file:
                file.write(json.dumps(seen[each]) + "\n")
    alarms = [each for each, row in seen.items() if row["alarm"]]
    median = np.median([row["seconds"] for row in seen.values()])
    print(f"{name}: {len(alarms)} false alarms in {len(seen)} pictures, {1000 * median:.0f} ms of work each", *alarms)


def pictures(place: Path) -> Iterator[tuple[str, Opener]]:
    """Name every picture of a folder or zip, with what opens it."""
    endings = {".png", ".jpg", ".jpeg"}
    if not zipfile.is_zipfile(place):
        paths = (path for path in sorted(place.iterdir()) if path.suffix.lower() in endings)
        yield from ((path.name, lambda path=path: Image.open(path).convert("RGB")) for path in paths)
        return
    with zipfile.ZipFile(place) as archive:
        for name in archive.namelist():
            if Path(name).suffix.lower() in endings:
                yield name, lambda name=name: Image.open(io.BytesIO(archive.read(name))).convert("RGB")  # type: ignore[misc]


if __name__ == "__main__":
    main()
