"""Figures for docs/results.md on looking at faces. Prints, asserts nothing.

    python benchmarks/vision.py speed FACES
    python benchmarks/vision.py recall FACES
    python benchmarks/vision.py identity FACES
    python benchmarks/vision.py agreement FACES
    python benchmarks/vision.py found PICTURES.zip

FACES is a folder of generated faces named SEED.jpg. Backgrounds come from scikit-image; peers are measured in the
same run if they are installed (mediapipe, OpenCV with its cascade).
"""

import argparse
import importlib
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from nobodies.imaging.decode import read_pixels
from nobodies.vision import Detector, analyse, cut_out, embed, find_landmarks
from nobodies.vision.align import align
from nobodies.vision.analysis import analyse_face
from nobodies.vision.attributes import read_attributes
from nobodies.vision.quality import measure_quality

Pixels = npt.NDArray[np.uint8]
Box = tuple[float, float, float, float]
Finder = Callable[[Pixels], list[Box]]

FRAME = (640, 480)
WIDTHS = (12, 16, 22, 31, 44, 64, 96, 160)
ROLLS = range(0, 360, 30)
ROLL_WIDTHS = (31, 64, 160)
NUM_FACES = 50


def finders(wanted: Sequence[str] = ("",)) -> dict[str, Finder]:
    """Ways to find faces whose names begin as wanted: ours, ours looking closer, and the peers that are installed."""
    detector = Detector.load()
    found: dict[str, Finder] = {
        "nobodies": lambda frame: [face.box for face in detector.detect(frame)],
        "nobodies, min_size_px=16": lambda frame: [face.box for face in detector.detect(frame, min_size_px=16)],
    }
    everything = found | _mediapipe() | _cascade()
    return {name: find for name, find in everything.items() if name.startswith(tuple(wanted))}


def _mediapipe() -> dict[str, Finder]:
    try:
        module: Any = importlib.import_module("mediapipe.python.solutions.face_detection")
    except ImportError:
        return {}

    def finder(selection: int) -> Finder:
        net = module.FaceDetection(model_selection=selection, min_detection_confidence=0.5)

        def find(frame: Pixels) -> list[Box]:
            height, width = frame.shape[:2]
            boxes = [each.location_data.relative_bounding_box for each in net.process(frame).detections or ()]
            return [
                (
                    box.xmin * width,
                    box.ymin * height,
                    (box.xmin + box.width) * width,
                    (box.ymin + box.height) * height,
                )
                for box in boxes
            ]

        return find

    return {"mediapipe, short range": finder(0), "mediapipe, full range": finder(1)}


def _cascade() -> dict[str, Finder]:
    try:
        cv2: Any = importlib.import_module("cv2")
    except ImportError:
        return {}
    if not hasattr(cv2, "CascadeClassifier"):
        return {}
    cascade = cv2.CascadeClassifier(str(Path(cv2.data.haarcascades) / "haarcascade_frontalface_default.xml"))

    def find(frame: Pixels) -> list[Box]:
        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        found = cascade.detectMultiScale(grey, 1.1, 5, minSize=(12, 12))
        return [(float(x), float(y), float(x + w), float(y + h)) for x, y, w, h in found]

    return {f"OpenCV {cv2.__version__}, Haar cascade": find}


def pictures(folder: Path, count: int) -> Iterator[Pixels]:
    """The first so many faces of a folder, in order of their seeds."""
    paths = sorted(folder.glob("*.jpg"), key=lambda path: int(path.stem))
    yield from (read_pixels(path) for path in paths[:count])


def composites(folder: Path, width: int, roll: int, count: int = NUM_FACES) -> Iterator[tuple[Pixels, Box]]:
    """Generated faces of one width and roll, pasted at random places of photographs without faces."""
    from skimage import data

    backgrounds = [Image.fromarray(getattr(data, name)()).resize(FRAME) for name in ("coffee", "chelsea", "rocket")]
    detector, random = Detector.load(), np.random.default_rng(0)
    for number, pixels in enumerate(pictures(folder, count)):
        face = detector.detect(pixels)[0]
        scale = width / face.width
        size = max(8, round(pixels.shape[0] * scale))
        small = Image.fromarray(pixels).resize((size, size), Image.Resampling.LANCZOS)
        edge = Image.new("L", small.size)
        ImageDraw.Draw(edge).ellipse((0.04 * size, 0.02 * size, 0.96 * size, 0.98 * size), fill=255)
        edge = edge.filter(ImageFilter.GaussianBlur(size / 30)).rotate(roll)
        frame = backgrounds[number % len(backgrounds)].copy()
        x, y = (int(random.integers(0, max(1, frame.size[axis] - size))) for axis in (0, 1))
        frame.paste(small.rotate(roll, Image.Resampling.BICUBIC), (x, y), edge)
        middle = np.array([face.box[0] + face.box[2], face.box[1] + face.box[3]]) / 2 - pixels.shape[0] / 2
        angle = np.radians(roll)
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        cx, cy = turn @ middle * scale + size / 2 + (x, y)
        yield np.asarray(frame), (cx - width / 2, cy - width / 2, cx + width / 2, cy + width / 2)


def is_hit(found: list[Box], truth: Box) -> bool:
    """Whether a box was found whose middle and size agree with the truth by half a face."""
    side = truth[2] - truth[0]
    for box in found:
        near = max(abs(box[0] + box[2] - truth[0] - truth[2]), abs(box[1] + box[3] - truth[1] - truth[3])) / 2
        if near < side / 2 and 0.5 < (box[2] - box[0]) / side < 2:
            return True
    return False


def median_ms(call: Callable[[], Any], repeats: int = 60) -> float:
    """Median time of a call, after two to warm up."""
    times = []
    for _ in range(repeats + 2):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return float(np.median(times[2:]) * 1e3)


def speed(folder: Path, wanted: Sequence[str]) -> None:
    """Frames a second on 640x480 with one face, and milliseconds of each analysis of a 1024 px portrait."""
    frame, _ = next(composites(folder, 96, 0, 1))
    for name, find in finders(wanted).items():
        ms = median_ms(lambda find=find: find(frame))  # type: ignore[misc]
        print(f"detect 640x480, {name}: {ms:.2f} ms, {1000 / ms:.0f} frames a second")
    portrait = np.asarray(Image.fromarray(next(pictures(folder, 1))).resize((1024, 1024), Image.Resampling.LANCZOS))
    face = Detector.load().detect(portrait)[0]
    mesh = find_landmarks(portrait, face)
    calls: dict[str, Callable[[], Any]] = {
        "detect": lambda: Detector.load().detect(portrait),
        "landmarks": lambda: find_landmarks(portrait, face),
        "align to 512": lambda: align(portrait, mesh, size_px=512),
        "identity": lambda: embed(portrait, mesh),
        "attributes": lambda: read_attributes(portrait, mesh),
        "quality": lambda: measure_quality(portrait, mesh, num_faces=1),
        "cut out": lambda: cut_out(portrait),
        "all analyses of one face": lambda: analyse_face(portrait, face),
        "detect and all analyses": lambda: analyse(portrait),
    }
    for name, call in calls.items():
        print(f"1024x1024, {name}: {median_ms(call):.1f} ms")


def recall(folder: Path, wanted: Sequence[str]) -> None:
    """Recall by width of the face, and by roll, on composites of 640x480; and false alarms."""
    for name, find in finders(wanted).items():
        by_width = {width: _recall(find, folder, width, 0) for width in WIDTHS}
        print(f"{name}, by width:", {width: f"{share:.2f}" for width, (share, _) in by_width.items()})
        print(f"{name}, boxes elsewhere in {len(WIDTHS) * NUM_FACES} frames:", sum(n for _, n in by_width.values()))
        for width in ROLL_WIDTHS:
            by_roll = {roll: f"{_recall(find, folder, width, roll)[0]:.2f}" for roll in ROLLS}
            print(f"{name}, {width} px by roll:", by_roll)


def _recall(find: Finder, folder: Path, width: int, roll: int) -> tuple[float, int]:
    hits, elsewhere = [], 0
    for frame, truth in composites(folder, width, roll):
        found = find(frame)
        hits.append(is_hit(found, truth))
        elsewhere += sum(not is_hit([box], truth) for box in found)
    return float(np.mean(hits)), elsewhere


def found(archive: Path, wanted: Sequence[str]) -> None:
    """In how many pictures of an archive a face is found."""
    methods = finders(wanted)
    counts, total = dict.fromkeys(methods, 0), 0
    with zipfile.ZipFile(archive) as file:
        for name in file.namelist():
            pixels = read_pixels(file.read(name))
            total += 1
            for method, find in methods.items():
                counts[method] += bool(find(pixels))
    for method, count in counts.items():
        print(f"{method}: found in {count} / {total}")


def identity(folder: Path, _: Sequence[str]) -> None:
    """Distances of different generated people, from which the thresholds of `nobodies.vision.identity` come."""
    detector = Detector.load()
    faces = ((pixels, found[0]) for pixels in pictures(folder, 800) if (found := detector.detect(pixels)))
    embeddings = np.array([embed(pixels, find_landmarks(pixels, face)) for pixels, face in faces], np.float64)
    pairs = np.triu_indices(len(embeddings), 1)
    squares = (embeddings**2).sum(axis=1)
    distances = np.sqrt(np.maximum(squares[:, None] + squares - 2 * embeddings @ embeddings.T, 0))[pairs]
    print(f"{len(embeddings)} people, {distances.size} pairs, nearest {distances.min():.3f}")
    for rate in (0.0001, 0.001, 0.01):
        print(f"false match rate {rate:g}: distance {np.quantile(distances, rate):.3f}")
    print(f"dlib's usual 0.6 takes {(distances < 0.6).mean():.4f} of the pairs for one person")


def agreement(folder: Path, _: Sequence[str]) -> None:
    """How well two independent nets agree on age, appearance and smile."""
    from nobodies.vision import fetched, nets
    from nobodies.vision.crops import dlib_chip, face_box

    rows = []
    for pixels in pictures(folder, 800):
        mesh = find_landmarks(pixels, Detector.load().detect(pixels)[0])
        own = nets.shipped("age_appearance")(face_box(pixels, mesh, 112))
        ages = fetched.age_net()(dlib_chip(pixels, mesh, 64, padding=0.2))["probabilities"][0]
        looks = fetched.appearance_net()(dlib_chip(pixels, mesh, 32, padding=0.2))["probabilities"][0]
        happy = nets.shipped("expression")(face_box(pixels, mesh, 112))["probabilities"][0, 1]
        glad = nets.shipped("emotion")(face_box(pixels, mesh, 64))["probabilities"][0, 3]
        years = float(ages @ np.array([0.25, *range(1, 81)]))
        rows.append((own["age"].item(), years, own["appearance"][0, 1], looks[0], happy, glad))
    age, years, woman, female, happy, glad = np.array(rows, np.float64).T
    correlation = np.corrcoef([age, years])[0, 1]
    print(f"{len(rows)} faces; age: r {correlation:.3f}, mean difference {np.abs(age - years).mean():.1f} years")
    print(f"appearance: the same side of one half for {((woman > 0.5) == (female > 0.5)).mean():.3f} of faces")
    print(f"smile: r {np.corrcoef([happy, glad])[0, 1]:.3f}")


COMMANDS = {"speed": speed, "recall": recall, "found": found, "identity": identity, "agreement": agreement}


def main() -> None:
    """Run one of the measurements."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("path", type=Path)
    parser.add_argument("--finder", nargs="*", default=[""], help="beginnings of the names of the ways to compare")
    arguments = parser.parse_args()
    COMMANDS[arguments.command](arguments.path, arguments.finder)


if __name__ == "__main__":
    main()
