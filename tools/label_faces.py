"""Label generated faces by eye: make numbered sheets of crops to look at, and write down what was seen.

    python -m tools.label_faces sheet eyes FACES --seeds 1-120 --out sheet.png
    python -m tools.label_faces set tools/labels/glasses.csv eyeglasses --seeds 4,9,16 --psi 0.7
    python -m tools.label_faces sheet whole FACES --seeds 1-12 --cell-px 335 --columns 4 --out sheet.png
    python -m tools.label_faces set tools/labels/faults.csv second_face+background --seeds 15,29 --psi 0.7

FACES is a folder of pictures named SEED.jpg, as `nobodies generate` writes them. A table of labels has the columns
seed, psi, label; together with the default model these say which face is meant for as long as the project lives.

Faults are several to a face, joined by +, or "sound": second_face (a second or deformed face at the edge, whole or in
part), background (melted things behind), clothes (melted clothes or headgear), debris (as of text, or across the
face), hands (deformed), face (broken eyes, mouth or profile), glasses (unlike or fading), hair (over the eyes,
or stray), beard, jewellery (earrings that do not match). Only what is seen at once at 320 px counts.
"""

import argparse
import csv
from collections.abc import Callable, Iterable
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from nobodies.files import write_atomic
from nobodies.imaging.decode import read_pixels
from nobodies.latents import parse_seed_ranges
from nobodies.vision.crops import eye_band, lower_face
from nobodies.vision.detect import Detector
from nobodies.vision.landmarks import find_landmarks
from nobodies.vision.pictures import Pixels, resize
from nobodies.vision.results import Landmarks

CROPS: dict[str, Callable[[Pixels, Landmarks, int], Pixels]] = {"eyes": eye_band, "mouth": lower_face}
WHOLE = "whole"
HEADER = ("seed", "psi", "label")
COLUMNS = 12


def read_labels(path: Path) -> dict[tuple[int, str], str]:
    """Labels by seed and psi (as text, so that it stays as it was written)."""
    if not path.exists():
        return {}
    with path.open(newline="") as file:
        return {(int(row["seed"]), row["psi"]): row["label"] for row in csv.DictReader(file)}


def write_labels(path: Path, labels: dict[tuple[int, str], str]) -> None:
    """Write a table of labels, ordered by seed."""
    lines = [",".join(HEADER), *(f"{seed},{psi},{label}" for (seed, psi), label in sorted(labels.items()))]
    write_atomic(path, "\n".join([*lines, ""]).encode())


def face_of(seed: int, folder: Path) -> tuple[Pixels, Landmarks] | None:
    """The picture of a seed and the mesh of its widest face, or None if there is no face in it."""
    pixels = read_pixels(folder / f"{seed}.jpg")
    faces = Detector.load().detect(pixels)
    return (pixels, find_landmarks(pixels, faces[0])) if faces else None


def cell_of(crop: str, seed: int, folder: Path, cell_px: int) -> Pixels | None:
    """What a sheet shows of a face; None where a crop needs a face and there is none."""
    if crop == WHOLE:
        return resize(read_pixels(folder / f"{seed}.jpg"), cell_px, cell_px)
    face = face_of(seed, folder)
    return CROPS[crop](*face, cell_px) if face else None


def sheet(
    crop: str, seeds: Iterable[int], folder: Path, *, cell_px: int = 128, columns: int = COLUMNS
) -> Image.Image:
    """Crops of many faces, each with its seed."""
    looked_at = ((seed, cell_of(crop, seed, folder, cell_px)) for seed in seeds)
    cells = [(seed, cell) for seed, cell in looked_at if cell is not None]
    page = Image.new("RGB", (columns * cell_px, -(-len(cells) // columns) * cell_px))
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(14)
    for index, (seed, cell) in enumerate(cells):
        corner = (index % columns * cell_px, index // columns * cell_px)
        page.paste(Image.fromarray(cell), corner)
        draw.text(corner, str(seed), "yellow", font, stroke_width=2, stroke_fill="black")
    return page


def main() -> None:
    """Make a sheet, or set labels."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    look = commands.add_parser("sheet", help="make a sheet to look at")
    look.add_argument("crop", choices=[*CROPS, WHOLE])
    look.add_argument("faces", type=Path)
    look.add_argument("--seeds", type=parse_seed_ranges, required=True)
    look.add_argument("--out", type=Path, required=True)
    look.add_argument("--cell-px", type=int, default=128)
    look.add_argument("--columns", type=int, default=COLUMNS)
    note = commands.add_parser("set", help="write down what was seen")
    note.add_argument("table", type=Path)
    note.add_argument("label")
    note.add_argument("--seeds", type=parse_seed_ranges, required=True)
    note.add_argument("--psi", required=True)
    arguments = parser.parse_args()
    if arguments.command == "sheet":
        size = {"cell_px": arguments.cell_px, "columns": arguments.columns}
        sheet(arguments.crop, arguments.seeds, arguments.faces, **size).save(arguments.out)
    else:
        labels = read_labels(arguments.table)
        labels |= {(seed, arguments.psi): arguments.label for seed in arguments.seeds}
        write_labels(arguments.table, labels)


if __name__ == "__main__":
    main()
