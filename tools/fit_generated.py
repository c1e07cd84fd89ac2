"""Train the small net by which `nobodies inspect` tells faces of the default model from photographs.

    python -m tools.fit_generated --photographs faces-gray-128.zip --state FOLDER [--faces 3000]

Draws faces of the default model, brings them to the crop, size and JPEG history of the photographs, cuts the inner
face out of both, and trains on two thirds of each; pictures of one person stay on one side. What stays behind in
FOLDER is used again by the next run. Writes the net and its rates into the package, and prints the rates.
benchmarks/realism.py uses the same steps to measure what the answer rests on.
"""

import argparse
import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn
from torch.nn import functional

from nobodies.generator import Generator
from nobodies.imaging.decode import read_pixels
from nobodies.inspection.classifier import NET, PATCH_PX, Rates, patch
from nobodies.settings import DEFAULT_MODEL
from nobodies.vision.detect import Detector
from nobodies.vision.identity import embed
from nobodies.vision.landmarks import find_landmarks
from nobodies.vision.pictures import resize

Array = NDArray[Any]
Pixels = NDArray[np.uint8]

PACKAGE: Final = Path(__file__).parents[1] / "src" / "nobodies"
FIRST_SEED: Final = 700_000
SIDE_PX: Final = 128
WANTED_FALSE_ALARMS: Final = 0.005
_ONE_PERSON: Final = 0.45
_EPOCHS: Final = 12
_BATCH: Final = 64


@dataclass(frozen=True, slots=True)
class Patches:
    """Inner faces [N, 96, 96], grey, and who they show."""

    pixels: Pixels
    people: NDArray[np.int64]

    def split(self, *, every: int = 3) -> tuple["Patches", "Patches"]:
        """Give what to learn from and what to test on: every third person."""
        test = self.people % every == 0
        return Patches(self.pixels[~test], self.people[~test]), Patches(self.pixels[test], self.people[test])


def photographs(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Give the pictures in a ZIP file, by name."""
    with zipfile.ZipFile(archive) as opened:
        for name in sorted(opened.namelist()):
            if name.lower().endswith((".jpg", ".jpeg", ".png")):
                yield name, opened.read(name)


def like_photographs(face: Pixels, seed: int, tables: Any) -> bytes:
    """Bring a face [1024, 1024, 3] to the crop, size, greys and JPEG tables of the photographs."""
    random = np.random.default_rng(seed)
    side = 0.72 * len(face) * random.normal(1, 0.08)
    centre = np.array([len(face) / 2, 0.47 * len(face)]) + side * random.normal((0, 0.1), (0.02, 0.015))
    side = min(side, *(2 * centre), *(2 * (len(face) - centre)))
    turned = Image.fromarray(face).convert("L").rotate(
        random.normal(0, 5), Image.Resampling.BICUBIC, center=tuple(centre)
    )  # fmt: skip
    box = (*(round(each - side / 2) for each in centre), *(round(each + side / 2) for each in centre))
    small = turned.crop(box).resize((SIDE_PX, SIDE_PX), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    small.save(file, "JPEG", qtables=tables, subsampling=0)
    return file.getvalue()


def drawn(generator: Generator, folder: Path, count: int, tables: Any) -> Iterator[tuple[str, bytes]]:
    """Give faces like photographs, by name, drawing those that are not in the folder yet."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(FIRST_SEED, FIRST_SEED + count):
        path = folder / f"{seed}.jpg"
        if not path.exists():
            psi = float(np.random.default_rng(seed).uniform(0.5, 1.0))
            path.write_bytes(like_photographs(generator.face(seed, psi=psi).pixels, seed, tables))
        yield path.name, path.read_bytes()


def tables_of(archive: Path) -> Any:
    """Give the JPEG tables that the photographs were written with."""
    with Image.open(io.BytesIO(next(photographs(archive))[1])) as image:
        return image.quantization  # type: ignore[attr-defined]


def cut_all(
    pictures: Iterator[tuple[str, bytes]], kept: Path, change: Callable[[Pixels], Pixels] | None = None
) -> Patches:
    """Cut the inner face out of every picture in which one is found, and tell people apart.

    Args:
        pictures: files by name.
        kept: the file that holds the result; it is read if it is there.
        change: applied to each picture first.
    """
    if not kept.exists():
        detector, cuts, embeddings = Detector.load(), [], []
        for _, content in pictures:
            pixels = resize(read_pixels(content), 2 * SIDE_PX, 2 * SIDE_PX)
            if faces := detector.detect(pixels, min_size_px=SIDE_PX / 2):
                mesh = find_landmarks(pixels, faces[0])
                cuts.append(patch(change(pixels) if change else pixels, mesh)[..., 0])
                embeddings.append(embed(pixels, mesh))
        np.savez(kept, pixels=np.stack(cuts), embeddings=np.stack(embeddings))
    with np.load(kept) as found:
        return Patches(found["pixels"], people_of(found["embeddings"]))


def people_of(embeddings: Array) -> NDArray[np.int64]:
    """Number people: a picture shows whoever is nearest among those before it, or somebody new if nobody is near.

    Everybody is compared with the first picture of each person only. Joined to any picture of them, look-alikes
    would form chains, of thousands of pictures at last.
    """
    firsts = np.empty_like(embeddings)
    numbers = np.empty(len(embeddings), np.int64)
    count = 0
    for index, each in enumerate(embeddings):
        squares = np.square(firsts[:count] - each).sum(axis=1)
        if count and squares.min() < _ONE_PERSON**2:
            numbers[index] = squares.argmin()
        else:
            firsts[count], numbers[index] = each, count
            count += 1
    return numbers


class Net(nn.Module):
    """Five convolutions that halve the side, the mean of the last, and one number: bytes [N, 96, 96, 3] to [N]."""

    def __init__(self, widths: tuple[int, ...] = (16, 32, 48, 64, 96)) -> None:
        super().__init__()
        steps: list[nn.Module] = []
        for before, after in zip((1, *widths), widths, strict=False):
            steps += [nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
        self.features = nn.Sequential(*steps)
        self.head = nn.Linear(widths[-1], 1)
        self.register_buffer("scale", torch.ones(()))
        self.register_buffer("shift", torch.zeros(()))

    def forward(self, faces: torch.Tensor) -> torch.Tensor:
        """Give logits."""
        grey = faces[..., :1].permute(0, 3, 1, 2).float()
        mean = grey.mean(dim=(2, 3), keepdim=True)
        spread = (grey - mean).square().mean(dim=(2, 3), keepdim=True).sqrt() + 1.0
        x = self.features((grey - mean) / spread).mean(dim=(2, 3))
        return self.scale * self.head(x)[:, 0] + self.shift  # type: ignore[no-any-return]


class Answer(nn.Module):
    """The net as it is shipped: a probability."""

    def __init__(self, net: Net) -> None:
        super().__init__()
        self.net = net

    def forward(self, faces: torch.Tensor) -> torch.Tensor:
        """Give probabilities."""
        return torch.sigmoid(self.net(faces))


def fit(generated: Pixels, photographed: Pixels, *, seed: int = 0, epochs: int = _EPOCHS) -> Net:
    """Train on both kinds, as often shown, turned over, and in random light, blur and noise."""
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    net = Net()
    steps = 2 * min(len(generated), len(photographed)) // _BATCH
    best = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.02)
    plan = torch.optim.lr_scheduler.OneCycleLR(best, 4e-3, total_steps=epochs * steps)
    half = _BATCH // 2
    labels = torch.cat([torch.ones(half), torch.zeros(half)])
    for _ in range(epochs * steps):
        picked = [kind[random.choice(len(kind), half)] for kind in (generated, photographed)]
        faces = _varied(torch.from_numpy(np.concatenate(picked)), random)
        loss = functional.binary_cross_entropy_with_logits(net(faces), labels)
        best.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        best.step()
        plan.step()
    return net.eval()


def _varied(faces: torch.Tensor, random: np.random.Generator) -> torch.Tensor:
    """Turn over half of the faces, and blur, darken and roughen each a little: [N, 96, 96] to [N, 96, 96, 3]."""
    x = faces.float()
    x = torch.where(torch.from_numpy(random.random(len(x)) < 0.5)[:, None, None], x.flip(2), x)
    blurred = functional.avg_pool2d(functional.pad(x[:, None], (1, 1, 1, 1), mode="replicate"), 3, 1)[:, 0]
    share = torch.from_numpy(random.uniform(-0.3, 1.0, (len(x), 1, 1))).float()
    x = x + share * (blurred - x)
    noise = torch.from_numpy(random.uniform(0, 4, (len(x), 1, 1))).float() * torch.randn(x.shape)
    return (x + noise).clamp(0, 255)[..., None].expand(-1, -1, -1, 3)


def logits(net: Net, faces: Pixels) -> Array:
    """Give the net's numbers for patches [N, 96, 96]."""
    with torch.no_grad():
        parts = [net(torch.from_numpy(part)[..., None].expand(-1, -1, -1, 3)) for part in np.array_split(faces, 16)]
    return torch.cat(parts).numpy()


def auc(positive: Array, negative: Array) -> float:
    """Area under the ROC curve: the chance that a positive stands above a negative."""
    ranks = np.argsort(np.argsort(np.concatenate([positive, negative]), kind="stable"), kind="stable") + 1
    count = len(positive)
    return float((ranks[:count].sum() - count * (count + 1) / 2) / (count * len(negative)))


def calibrate(net: Net, generated: Pixels, photographed: Pixels) -> None:
    """Scale and shift the numbers so that they are logits of probabilities, both kinds being as frequent.

    Source: Platt, "Probabilistic outputs for support vector machines", 1999.
    """
    kinds = [torch.from_numpy(logits(net, each)) for each in (generated, photographed)]
    values = nn.Parameter(torch.tensor([1.0, 0.0]))
    solver = torch.optim.LBFGS([values], max_iter=100)

    def loss() -> torch.Tensor:
        solver.zero_grad()
        wrong = [
            functional.softplus(sign * (values[0] * kind + values[1])).mean()
            for sign, kind in zip((-1, 1), kinds, strict=True)
        ]
        total = wrong[0] + wrong[1]
        total.backward()  # type: ignore[no-untyped-call]
        return total

    solver.step(loss)  # type: ignore[no-untyped-call]
    net.scale, net.shift = values.detach()[0].clone(), values.detach()[1].clone()


def save(net: Net) -> None:
    """Write the net as OpenVINO IR, and note it in the manifest."""
    import openvino as ov

    folder = PACKAGE / "vision" / "weights"
    model = ov.convert_model(
        Answer(net).eval(), example_input=torch.zeros(1, PATCH_PX, PATCH_PX, 3, dtype=torch.uint8)
    )
    model.reshape([1, PATCH_PX, PATCH_PX, 3])
    model.output(0).set_names({"probability"})
    ov.save_model(model, folder / f"{NET}.xml", compress_to_fp16=True)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["nets"][NET] = {
        "package": "this project",
        "version": "tools/fit_generated.py",
        "licence": "Apache-2.0",
        "origin": "trained by this project on faces of the default model and photographs that are not shipped",
        "files": {
            name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in (f"{NET}.xml", f"{NET}.bin")
        },
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")


def main() -> None:
    """Draw, cut, train, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photographs", type=Path, required=True)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--faces", type=int, default=3000, help="faces to draw")
    parser.add_argument("--every", type=int, default=1, help="take every so many photographs")
    arguments = parser.parse_args()
    tables = tables_of(arguments.photographs)
    generator = Generator.load(DEFAULT_MODEL)
    ours = cut_all(drawn(generator, arguments.state / "faces", arguments.faces, tables), arguments.state / "ours.npz")
    real = cut_all(islice(photographs(arguments.photographs), 0, None, arguments.every), arguments.state / "real.npz")
    (learn_ours, test_ours), (learn_real, test_real) = ours.split(), real.split()
    print(f"{len(ours.people)} generated, {len(real.people)} photographed ({len(np.unique(real.people))} people)")
    # A part of what is learned from is kept back, to calibrate and to set the threshold on.
    (fit_ours, check_ours), (fit_real, check_real) = learn_ours.split(every=5), learn_real.split(every=5)
    net = fit(fit_ours.pixels, fit_real.pixels)
    calibrate(net, check_ours.pixels, check_real.pixels)
    limit = float(np.quantile(logits(net, check_real.pixels), 1 - WANTED_FALSE_ALARMS))
    found, alarms = logits(net, test_ours.pixels), logits(net, test_real.pixels)
    rates = Rates(
        threshold=round(1 / (1 + float(np.exp(-limit))), 4),
        found=round(float(np.mean(found >= limit)), 4),
        false_alarms=round(float(np.mean(alarms >= limit)), 4),
        auc=round(auc(found, alarms), 4),
        num_generated=len(found),
        num_photographs=len(alarms),
    )
    save(net)
    (PACKAGE / "inspection" / "rates.json").write_text(json.dumps(asdict(rates), indent=2) + "\n")
    print(rates)


if __name__ == "__main__":
    main()
