"""Surveys: many generated faces with what the vision nets say of them, to fit attributes and the encoder on.

A survey is a folder of shards, each written whole. Running it again goes on where it stopped.
"""

import io
import zipfile
from collections.abc import Generator as GeneratorType
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from nobodies.errors import InputError, SettingError
from nobodies.files import require_writable, write_atomic
from nobodies.generator import Generator
from nobodies.latents.fitting import band_edges
from nobodies.latents.vocabulary import ATTRIBUTES
from nobodies.settings import FaceSettings

Progress = GeneratorType[int, None, None]

if TYPE_CHECKING:
    from nobodies.vision.results import Landmarks

Pixels = NDArray[np.uint8]
Kind = Literal["faces", "mixed"]

FIRST_SEED: Final = 1 << 62
"""Surveyed faces have seeds that nobody is likely to come across, so that others are fresh."""
_MIXED_SEED: Final = 3 << 61
SHARD_FACES: Final = 50
MOST_FACES: Final = 100_000
_ANALYSED_PX: Final = 512
_SMALLEST_PX: Final = _ANALYSED_PX / 8
_SPREAD_PSI: Final = (0.7, 1.0)
_GOLDEN: Final = 0.6180339887498949
_TURNED_DEGREES: Final = 5.0
_AGREED_DEGREES: Final = 10.0
_BY_FACE: Final = ("seeds", "psi", "w", "embedding", "mesh", "features")
SECOND_OPINIONS: Final = ("age", "woman", "smile")
"""Attributes that two nets judge; the survey keeps the first one's word too."""


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What the vision nets say of one face."""

    values: dict[str, float]
    """By attribute, NaN where it cannot be told; as NAME.first, what the first of two nets says alone; and how far
    the lightness of the hair is to be trusted, as NAME.confidence."""
    embedding: NDArray[np.float32]
    """Who it is, [128]."""
    mesh: NDArray[np.float32]
    """Where its 478 points are, x and y as shares of the picture's side, [956]."""
    features: NDArray[np.float32]
    """What the picture shows in general, [1280]."""


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """Faces that were surveyed."""

    seeds: NDArray[np.uint64]
    psi: NDArray[np.float32]
    w: NDArray[np.float32]
    """Truncated style codes, [N, W]; of mixed faces one for each band of layers, [N, B, W]."""
    values: dict[str, NDArray[np.float64]]
    """By column of `Look.values`, [N]."""
    embedding: NDArray[np.float32]
    """[N, 128]."""
    mesh: NDArray[np.float32]
    """[N, 956]."""
    features: NDArray[np.float32]
    """[N, 1280]."""


def measure(pixels: Pixels) -> dict[str, float] | None:
    """Measure the attributes of the largest face in a picture, by name; None if there is none.

    An attribute that cannot be told is NaN: whether eyes behind sunglasses are open, or how far a head is turned
    whose mirror image seems to be turned otherwise.
    """
    found = look(pixels, features=False)
    return {name: found.values[name] for name in ATTRIBUTES if name in found.values} if found else None


def look(pixels: Pixels, *, features: bool = True) -> Look | None:
    """Look at the largest face in a picture; None if there is none.

    Args:
        pixels: RGB, [H, W, 3]; looked at with its longer side at 512 px.
        features: run the net of general features too.
    """
    from nobodies.vision import fetched
    from nobodies.vision.detect import Detector
    from nobodies.vision.identity import embed
    from nobodies.vision.landmarks import find_landmarks
    from nobodies.vision.pictures import resize

    scale = min(1.0, _ANALYSED_PX / max(pixels.shape[:2]))
    small = resize(pixels, round(pixels.shape[1] * scale), round(pixels.shape[0] * scale)) if scale < 1 else pixels
    faces = Detector.load().detect(small, min_size_px=_SMALLEST_PX)
    if not faces:
        return None
    mesh = find_landmarks(small, faces[0])
    places = mesh.points[:, :2] / np.float32(max(small.shape[:2]))
    general = np.zeros(0, np.float32)
    if features:
        net = fetched.feature_net()
        general = net(resize(small, net.size_px, net.size_px))["features"][0]
    return Look(_values(small, mesh), embed(small, mesh), places.ravel(), general)


def _values(pixels: Pixels, mesh: "Landmarks") -> dict[str, float]:
    from nobodies.vision.attributes import read_attributes
    from nobodies.vision.geometry import head_pose

    read, pose = read_attributes(pixels, mesh), head_pose(mesh)
    values = {name: float(getattr(read, name).value) for name in ATTRIBUTES if getattr(read, name, None) is not None}
    if read.hair_lightness.confidence == 0.0:
        values["hair_lightness"] = float("nan")
    if values.get("sunglasses", 0.0) >= 0.5:
        values["eyes_open"] = float("nan")
    values["yaw"], values["pitch"] = _checked_yaw(pixels, pose.yaw), pose.pitch
    values["background_lightness"] = _background_lightness(pixels)
    values["hair_lightness.confidence"] = read.hair_lightness.confidence
    return values | _first_opinions(pixels, mesh)


def _checked_yaw(pixels: Pixels, yaw: float) -> float:
    """Give the turn of a head if the mirror image shows the same one, else NaN.

    Some heads that are turned by 25 degrees or more are taken for heads turned the other way, as it happens.
    """
    from nobodies.vision.detect import Detector
    from nobodies.vision.geometry import head_pose
    from nobodies.vision.landmarks import find_landmarks

    if abs(yaw) < _TURNED_DEGREES:
        return yaw
    mirrored = np.ascontiguousarray(pixels[:, ::-1])
    faces = Detector.load().detect(mirrored, min_size_px=_SMALLEST_PX)
    agreed = faces and abs(yaw + head_pose(find_landmarks(mirrored, faces[0])).yaw) < _AGREED_DEGREES
    return yaw if agreed else float("nan")


def _first_opinions(pixels: Pixels, mesh: "Landmarks") -> dict[str, float]:
    from nobodies.vision import nets
    from nobodies.vision.crops import face_box

    looks, expression = nets.shipped("age_appearance"), nets.shipped("expression")
    said = looks(face_box(pixels, mesh, looks.size_px))
    smiling = expression(face_box(pixels, mesh, expression.size_px))["probabilities"][0, 1]
    first = (float(said["age"].item()), float(said["appearance"][0, 1]), float(smiling))
    return {f"{name}.first": value for name, value in zip(SECOND_OPINIONS, first, strict=True)}


def _background_lightness(pixels: Pixels) -> float:
    """Give the median L* of what is surely no person; NaN where there is hardly any of it."""
    from nobodies.vision.colour import lab_of
    from nobodies.vision.pictures import resize
    from nobodies.vision.segment import person_mask

    small = resize(pixels, 128, 128)
    background = small[person_mask(small) < 0.1]
    return float(np.median(lab_of(background)[:, 0])) if len(background) > 300 else float("nan")


def run_survey(generator: Generator, folder: Path, num_faces: int, *, kind: Kind = "faces") -> Progress:
    """Draw faces and look at them, at truncations from 0.7 to 1, until there are enough.

    Args:
        generator: whose faces.
        folder: of the shards; made if missing.
        num_faces: how many are wanted in all, rounded up to whole shards.
        kind: "faces", each of a seed, or "mixed", each of one seed a band of layers.

    Yields:
        How many faces have been surveyed so far, once for what is there already and once a face.

    Raises:
        SettingError: too few or too many faces, or a folder with those of another model.
        InputError: a shard is damaged.
        OutputError: the folder cannot be written.
    """
    if not 1 <= num_faces <= MOST_FACES:
        raise SettingError(f"a survey of {num_faces} faces: take 1 to {MOST_FACES}")
    require_writable(folder)
    wanted = range(-(-num_faces // SHARD_FACES))
    paths = {shard: folder / f"{kind}-{shard:05d}.npz" for shard in wanted}
    missing = [shard for shard in wanted if not _checked_shard(paths[shard], generator)]
    done = (len(wanted) - len(missing)) * SHARD_FACES
    yield done
    for shard in missing:
        looks = []
        for entry in _survey_shard(generator, shard, kind):
            looks.append(entry)
            done += 1
            yield done
        _write_shard(paths[shard], generator, looks)


def load_survey(folder: Path, *, kind: Kind = "faces") -> Survey:
    """Read all shards of a survey.

    Args:
        folder: of the shards.
        kind: of the faces; see `run_survey`.

    Raises:
        InputError: there are none, or one is damaged.
    """
    paths = sorted(folder.glob(f"{kind}-*.npz"))
    if not paths:
        raise InputError(f"{folder} holds no survey: run 'nobodies attributes fit' with it as --state")
    parts = [_read_shard(path) for path in paths]
    columns = [part["columns"].tolist() for part in parts]
    values = {
        name: np.concatenate(
            [part["values"][:, names.index(name)] for part, names in zip(parts, columns, strict=True)]
        )
        for name in columns[0]
    }
    joined = {key: np.concatenate([part[key] for part in parts]) for key in _BY_FACE}
    return Survey(
        seeds=joined["seeds"],
        psi=joined["psi"],
        w=joined["w"],
        values={name: column.astype(np.float64) for name, column in values.items()},
        embedding=joined["embedding"].astype(np.float32),
        mesh=joined["mesh"].astype(np.float32),
        features=joined["features"].astype(np.float32),
    )


Entry = tuple[int, float, Look | None, NDArray[np.float32]]


def _survey_shard(generator: Generator, shard: int, kind: Kind) -> Iterator[Entry]:
    low, high = _SPREAD_PSI
    numbers = range(shard * SHARD_FACES, (shard + 1) * SHARD_FACES)
    plan = {FIRST_SEED + number: low + (high - low) * (number * _GOLDEN % 1) for number in numbers}
    edges = band_edges(generator.engine.num_ws)
    codes = {seed: _codes(generator, seed, psi, edges if kind == "mixed" else None) for seed, psi in plan.items()}
    for face in generator.draw(codes.items(), FaceSettings()):
        assert face.seed is not None, "surveyed faces have seeds"
        w = face.w[edges[:-1]] if kind == "mixed" else face.w[0]
        yield face.seed, plan[face.seed], look(face.pixels), w


def _codes(generator: Generator, seed: int, psi: float, edges: NDArray[np.int_] | None) -> NDArray[np.float32]:
    """Give the codes of a surveyed face, [L, W]: a seed's own, or in each band of layers those of another seed."""
    settings = FaceSettings(psi=psi)
    if edges is None:
        return generator.styles_of_seed(seed, settings)
    parts = [
        generator.styles_of_seed(_MIXED_SEED + (seed - FIRST_SEED) * len(edges) + band, settings)[first:end]
        for band, (first, end) in enumerate(pairwise(edges))
    ]
    return np.concatenate(parts)


def _checked_shard(path: Path, generator: Generator) -> bool:
    """Tell whether a shard is there.

    Raises:
        SettingError: it is one of another model.
    """
    if not path.exists():
        return False
    weights = str(_read_shard(path)["weights"])
    if weights != generator.model.origin:
        raise SettingError(
            f"{path.parent} holds faces of weights {weights}, not of {generator.model.name} "
            f"({generator.model.origin}): choose another --state folder"
        )
    return True


def _write_shard(path: Path, generator: Generator, entries: Iterable[Entry]) -> None:
    seen = [(seed, psi, found, w) for seed, psi, found, w in entries if found is not None]
    looks = [found for _, _, found, _ in seen]
    columns = sorted({name for found in looks for name in found.values})
    file = io.BytesIO()
    np.savez(
        file,
        weights=np.array(generator.model.origin),
        columns=np.array(columns),
        seeds=np.array([entry[0] for entry in seen], np.uint64),
        psi=np.array([entry[1] for entry in seen], np.float32),
        w=np.stack([entry[3] for entry in seen]),
        values=np.array([[each.values.get(name, np.nan) for name in columns] for each in looks], np.float32),
        embedding=np.stack([each.embedding for each in looks]).astype(np.float32),
        mesh=np.stack([each.mesh for each in looks]).astype(np.float32),
        features=np.stack([each.features for each in looks]).astype(np.float16),
    )
    write_atomic(path, file.getvalue())


def _read_shard(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as content:
            return {key: content[key] for key in content.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is damaged ({error}): remove it and run the same command again") from None
