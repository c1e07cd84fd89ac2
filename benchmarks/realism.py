"""Print how well a net trained here tells the default model's faces from photographs, and what that rests on.

    python -m benchmarks.realism --photographs faces-gray-128.zip --state FOLDER --photos FOLDER

Goes on from the folder in which tools/fit_generated.py left faces and crops, with the net it shipped. `--photos` is a
folder of photographs of any size, for the grid in the spectrum: scikit-image's, for example.
"""

import argparse
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from tools.fit_generated import Patches, auc, cut_all, drawn, fit, logits, tables_of

from benchmarks.grid import pictures
from nobodies.engines import open_engine
from nobodies.generator import Generator
from nobodies.imaging.decode import read_pixels
from nobodies.inspection.classifier import probability, rates
from nobodies.inspection.looking import GRID_DECADES
from nobodies.inspection.spectrum import measure_grid
from nobodies.models import Store
from nobodies.settings import DEFAULT_MODEL, EngineSettings

Array = NDArray[Any]
Pixels = NDArray[np.uint8]
Change = Callable[[Image.Image], Image.Image]

NUM_SHIPPED: Final = 300
CONTROL_EPOCHS: Final = 10


def through_jpeg(image: Image.Image, quality: int = 30) -> Image.Image:
    """Write a picture as JPEG and read it again."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file)


CHANGES: Final[dict[str, Change]] = {
    "as they are": lambda image: image,
    "both through JPEG 30": through_jpeg,
    "both blurred by 2 px": lambda image: image.filter(ImageFilter.GaussianBlur(2)),
    "both reduced to 32 px and enlarged again": lambda image: image.resize((32, 32)).resize(image.size),
    "only the middle half of both": lambda image: image.crop((24, 24, 72, 72)).resize(image.size),
}


def answers(patches: Patches, change: Change) -> Array:
    """Give the shipped net's probability for each patch after a change."""
    changed = (np.asarray(change(Image.fromarray(each)).convert("RGB")) for each in patches.pixels)
    return np.array([probability(each) for each in changed])


def print_changes(ours: Patches, real: Patches) -> None:
    """Print the net's AUC after the same change of both kinds."""
    for name, change in CHANGES.items():
        scores = [answers(each, change) for each in (ours, real)]
        print(f"{name}: AUC {auc(*scores):.3f}, false alarms {np.mean(scores[1] >= rates().threshold):.3f}")


def print_shipped(arguments: argparse.Namespace, real: Patches) -> None:
    """Print the net's AUC for faces as the model was shipped, with the grid."""
    model = Store().load(DEFAULT_MODEL, as_shipped=True)
    generator = Generator(model, open_engine(model, EngineSettings(), compiled_folder=None))
    tables = tables_of(arguments.photographs)
    faces = drawn(generator, arguments.state / "faces-shipped", NUM_SHIPPED, tables)
    shipped = cut_all(faces, arguments.state / "shipped.npz").split()[1]
    scores = [answers(each, CHANGES["as they are"]) for each in (shipped, real)]
    print(f"before the mend ({len(shipped.people)} faces): AUC {auc(*scores):.3f}")


def print_control(real: Patches) -> None:
    """Print how well such a net tells half of the photographed people from the others, where nothing is to tell."""
    odd = real.people % 2 == 1
    halves = [Patches(real.pixels[part], real.people[part] // 2) for part in (odd, ~odd)]
    (learn_a, test_a), (learn_b, test_b) = (half.split() for half in halves)
    net = fit(learn_a.pixels, learn_b.pixels, epochs=CONTROL_EPOCHS)
    found = auc(logits(net, test_a.pixels), logits(net, test_b.pixels))
    print(f"control, photographs of some people against photographs of others: AUC {found:.3f}")


def print_grid(photos: Path) -> None:
    """Print what the spectrum says at full size."""
    before, after = (_odd(pictures(as_shipped=kind, count=24)) for kind in (True, False))
    real = _odd(read_pixels(path) for path in sorted(photos.iterdir()) if path.suffix in (".png", ".jpg"))
    for name, values in (("as shipped", before), ("mended", after), ("photographs", real)):
        found, area = np.mean(values >= GRID_DECADES), auc(values, real)
        print(
            f"grid, {name} ({len(values)}): {values.min():.2f} to {values.max():.2f}, median {np.median(values):.2f}"
        )
        print(f"  {found:.0%} found; AUC against photographs {area:.3f}")


def _odd(pictures_of: Iterator[Pixels]) -> Array:
    return np.array([grid.odd for pixels in pictures_of if (grid := measure_grid(pixels))])


def main() -> None:
    """Read what was cut, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photographs", type=Path, required=True)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    arguments = parser.parse_args()
    ours, real = (cut_all(iter(()), arguments.state / f"{name}.npz") for name in ("ours", "real"))
    test_ours, test_real = (each.split()[1] for each in (ours, real))
    print_changes(test_ours, test_real)
    print_shipped(arguments, test_real)
    print_control(real)
    print_grid(arguments.photos)


if __name__ == "__main__":
    main()
