"""Draw what docs/results-training.md shows of a run: KID over pictures seen, and the same latent codes over time.

    python tools/draw_learning.py RUN --out docs/images --name learning

Writes NAME-kid.svg, once `nobodies evaluate RUN --curve` has measured it, and NAME-faces.jpg: a row a moment, oldest
first, which it prints. For runs on pictures of invented people only.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from nobodies.files import write_atomic
from nobodies.provenance import encode_marked
from nobodies.training.page import Curve, chart
from nobodies.training.run import RunFolder

ROWS, SIDE_PX = 6, 64
ENLARGED = 2


def kid_curve(folder: RunFolder) -> str:
    """The curve as an SVG file that stands alone."""
    measured = sorted((line["num_pictures"] / 1000, 1000 * line["kid"]["value"]) for line in folder.kid_figures())
    drawn = chart("KID × 1000 on EfficientNet-Lite0 features", [Curve("KID", measured)])
    style = 'xmlns="http://www.w3.org/2000/svg" font-family="sans-serif" font-size="10" style="background:#fff"'
    return drawn.replace("<svg ", f"<svg {style} ", 1)


def faces_over_time(folder: RunFolder) -> tuple[Image.Image, list[int]]:
    """The first row of the samples at moments that lie ever further apart, and how many pictures were seen then."""
    moments = sorted(int(path.stem) for path in folder.samples.glob("*.png"))
    wanted = [moments[-1] * (row / (ROWS - 1)) ** 2 for row in range(ROWS)]
    chosen = sorted({min(moments, key=lambda moment: abs(moment - want)) for want in wanted})
    rows = []
    for moment in chosen:
        with Image.open(folder.samples / f"{moment:010d}.png") as sheet:
            rows.append(np.asarray(sheet.convert("RGB"))[:SIDE_PX])
    image = Image.fromarray(np.concatenate(rows))
    return image.resize((image.width * ENLARGED, image.height * ENLARGED), Image.Resampling.LANCZOS), chosen


def main() -> None:
    """Write both files."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("run", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--name", required=True)
    options = parser.parse_args()
    folder = RunFolder(options.run)
    write_atomic(options.out / f"{options.name}-kid.svg", kid_curve(folder).encode())
    image, moments = faces_over_time(folder)
    recipe = {"training": options.name, "pictures_seen": moments}
    write_atomic(options.out / f"{options.name}-faces.jpg", encode_marked(image, recipe, quality=88))
    print("rows, thousand pictures seen:", ", ".join(f"{moment / 1000:g}" for moment in moments))


if __name__ == "__main__":
    main()
