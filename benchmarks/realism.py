"""Print how well a net trained here tells the default model's faces from photographs, and what that rests on.

    python -m benchmarks.realism --photographs faces-gray-128.zip --state FOLDER --photos FOLDER

Goes on from the folder in which tools/fit_generated.py left faces and crops, with the net it shipped. `--photos` is a
folder of photographs of any size, for what only shows at full size: scikit-image's, for example. Both kinds always
go through the same treatment. Intervals hold 95% of the values for people, or pictures, drawn with replacement.
"""

import argparse
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
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
from nobodies.inspection.classifier import PATCH_PX, probability, rates
from nobodies.inspection.looking import GRID_DECADES
from nobodies.inspection.spectrum import measure_grid
from nobodies.models import Store
from nobodies.settings import DEFAULT_MODEL, EngineSettings

Array = NDArray[Any]
Pixels = NDArray[np.uint8]
Change = Callable[[Image.Image], Image.Image]

NUM_SHIPPED: Final = 500
NUM_FULL: Final = 48
CONTROL_EPOCHS: Final = 4
NUM_FOLDS: Final = 4
PATCHES_A_PICTURE: Final = 20
_SAMPLES: Final = 400


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


def with_interval(scores: tuple[Array, Array], owners: tuple[Array, Array]) -> str:
    """Give the AUC of generated against photographed, with its interval.

    Args:
        scores: of either kind.
        owners: whom or what each shows; they are drawn, and all that is theirs comes along.
    """
    random = np.random.default_rng(0)
    groups = [[each[who == one] for one in np.unique(who)] for each, who in zip(scores, owners, strict=True)]
    drawn_again = (
        [np.concatenate([kind[index] for index in random.integers(0, len(kind), len(kind))]) for kind in groups]
        for _ in range(_SAMPLES)
    )
    low, high = np.quantile([auc(*each) for each in drawn_again], (0.025, 0.975))
    return f"AUC {auc(*scores):.3f} ({low:.3f} to {high:.3f})"


def print_changes(ours: Patches, real: Patches) -> None:
    """Print the shipped net's rates after the same change of both kinds."""
    print(f"the shipped net: {len(ours.people)} generated, {len(real.people)} photographs that it did not learn from")
    for name, change in CHANGES.items():
        scores = answers(ours, change), answers(real, change)
        found, alarms = (np.mean(each >= rates().threshold) for each in scores)
        area = with_interval(scores, (ours.people, real.people))
        print(f"  {name}: {area}; found {found:.1%}, false alarms {alarms:.2%}")


def print_before_and_after(arguments: argparse.Namespace, ours: Patches, real: Patches) -> None:
    """Print how well nets of their own tell the same seeds, with the grid and without, from photographs."""
    model = Store().load(DEFAULT_MODEL, as_shipped=True)
    generator = Generator(model, open_engine(model, EngineSettings(), compiled_folder=None))
    faces = drawn(generator, arguments.state / "faces-shipped", NUM_SHIPPED, tables_of(arguments.photographs))
    shipped = cut_all(faces, arguments.state / "shipped.npz")
    mended = Patches(ours.pixels[: len(shipped.people)], ours.people[: len(shipped.people)])
    learn_real, test_real = real.split()
    for name, patches in (("as shipped", shipped), ("mended", mended)):
        learn, test = patches.split()
        net = fit(learn.pixels, learn_real.pixels)
        scores = logits(net, test.pixels), logits(net, test_real.pixels)
        area = with_interval(scores, (test.people, test_real.people))
        print(f"a net of its own, {name} ({len(patches.people)}): {area}")


def print_control(real: Patches) -> None:
    """Print how well such a net tells half of the photographed people from the others, where nothing is to tell."""
    odd = real.people % 2 == 1
    halves = [Patches(real.pixels[part], real.people[part] // 2) for part in (odd, ~odd)]
    (learn_a, test_a), (learn_b, test_b) = (half.split() for half in halves)
    net = fit(learn_a.pixels, learn_b.pixels, epochs=CONTROL_EPOCHS)
    scores = logits(net, test_a.pixels), logits(net, test_b.pixels)
    area = with_interval(scores, (test_a.people, test_b.people))
    print(f"control, photographs of some people against photographs of others: {area}")


def textures(pixels: Iterable[Pixels], factor: int) -> Patches:
    """Cut small pieces out of pictures at full size, or reduced by a factor: grey, and as JPEG 90 before."""
    pieces, origins = [], []
    for number, each in enumerate(pixels):
        image = through_jpeg(Image.fromarray(each).convert("L").reduce(factor), 90)
        plane, random = np.asarray(image), np.random.default_rng(number)
        for _ in range(PATCHES_A_PICTURE):
            top, left = (random.integers(0, side - PATCH_PX + 1) for side in plane.shape)
            pieces.append(plane[top : top + PATCH_PX, left : left + PATCH_PX])
            origins.append(number)
    return Patches(np.stack(pieces), np.array(origins))


def judged(ours: Patches, real: Patches) -> tuple[Array, Array]:
    """Give a logit for each piece, by nets that learned from none of its picture."""
    scores = [np.empty(len(each.people)) for each in (ours, real)]
    for fold in range(NUM_FOLDS):
        left_out = [each.people % NUM_FOLDS == fold for each in (ours, real)]
        net = fit(*(each.pixels[~out] for each, out in zip((ours, real), left_out, strict=True)))
        for each, out, score in zip((ours, real), left_out, scores, strict=True):
            score[out] = logits(net, each.pixels[out])
    return scores[0], scores[1]


def print_textures(faces: Mapping[str, Sequence[Pixels]], photos: Sequence[Pixels]) -> None:
    """Print how well pieces of pictures are told apart, at full size and with generated ones reduced to half."""
    real = textures(photos, 1)
    for factor in (1, 2):
        for name, pixels in faces.items():
            ours = textures(pixels, factor)
            area = with_interval(judged(ours, real), (ours.people, real.people))
            size = len(pixels[0]) // factor
            print(
                f"pieces of {PATCH_PX} px, {name} at {size} px, of {len(pixels)} and {len(photos)} pictures: {area}"
            )


def print_grid(faces: Mapping[str, Sequence[Pixels]], photos: Sequence[Pixels]) -> None:
    """Print what the spectrum says at full size."""
    real = _odd(photos)
    for name, values in [*((name, _odd(pixels)) for name, pixels in faces.items()), ("photographs", real)]:
        found, area = np.mean(values >= GRID_DECADES), auc(values, real)
        spread = f"{values.min():.2f} to {values.max():.2f}, median {np.median(values):.2f}"
        print(f"grid, {name} ({len(values)}): {spread}; {found:.0%} found, AUC against photographs {area:.3f}")


def _odd(pixels: Iterable[Pixels]) -> Array:
    return np.array([grid.odd for each in pixels if (grid := measure_grid(each))])


def main() -> None:
    """Read what was cut, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photographs", type=Path, required=True)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    arguments = parser.parse_args()
    ours, real = (cut_all(iter(()), arguments.state / f"{name}.npz") for name in ("ours", "real"))
    print_changes(ours.split()[1], real.split()[1])
    print_before_and_after(arguments, ours, real)
    print_control(real)
    photos = [read_pixels(path) for path in sorted(arguments.photos.iterdir()) if path.suffix in (".png", ".jpg")]
    faces = {
        name: list(pictures(as_shipped=kind, count=NUM_FULL))
        for name, kind in (("as shipped", True), ("mended", False))
    }
    print_textures(faces, photos)
    print_grid(faces, photos)


if __name__ == "__main__":
    main()
