import numpy as np
import pytest
from PIL import Image

from nobodies.vision import geometry
from nobodies.vision.detect import Detector
from nobodies.vision.landmarks import find_landmarks
from tests.vision.conftest import CHILD, LAUGHING, SEEDS, SPECTACLED, SUNGLASSES, detection_of, face, mesh_of


@pytest.mark.parametrize("seed", SEEDS)
def test_the_mesh_lies_on_the_face(seed: int) -> None:
    mesh, (x0, y0, x1, y1) = mesh_of(seed), detection_of(seed).box
    assert mesh.points.shape == (478, 3)
    assert mesh.presence > 0.9
    middle = mesh.points[:, :2].mean(axis=0)
    assert x0 < middle[0] < x1
    assert y0 < middle[1] < y1


@pytest.mark.parametrize("seed", [LAUGHING, CHILD, SPECTACLED])
def test_irises_lie_between_the_corners_of_their_eyes(seed: int) -> None:
    points = mesh_of(seed).points
    for iris, (outer, inner) in ((468, (33, 133)), (473, (263, 362))):
        low, high = sorted((points[outer, 0], points[inner, 0]))
        assert low < points[iris, 0] < high
        assert abs(points[iris, 1] - points[[outer, inner], 1].mean()) < 6


def framed(seed: int) -> np.ndarray:
    """A face with room around it, 512 px, its corner at (128, 128)."""
    canvas = np.full((512, 512, 3), 120, np.uint8)
    canvas[128:384, 128:384] = face(seed)
    return canvas


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_the_mesh_turns_with_the_picture(quarters: int) -> None:
    turned = np.ascontiguousarray(np.rot90(framed(LAUGHING), quarters))
    mesh = find_landmarks(turned, Detector.load().detect(turned)[0])
    back = mesh.points[:, :2].astype(float)
    for _ in range(quarters):  # undo a quarter turn counter-clockwise, which took (x, y) to (y, side - x)
        back = np.column_stack([512 - back[:, 1], back[:, 0]])
    assert np.linalg.norm(back - 128 - mesh_of(LAUGHING).points[:, :2], axis=1).mean() < 3


def test_the_mesh_scales_with_the_picture() -> None:
    large = np.asarray(Image.fromarray(face(CHILD)).resize((768, 768), Image.Resampling.BICUBIC))
    mesh = find_landmarks(large, Detector.load().detect(large)[0])
    assert np.linalg.norm(mesh.points[:, :2] / 3 - mesh_of(CHILD).points[:, :2], axis=1).mean() < 2


def test_a_mirrored_face_looks_the_other_way() -> None:
    mirrored = np.ascontiguousarray(face(SUNGLASSES)[:, ::-1])
    there = geometry.head_pose(mesh_of(SUNGLASSES))
    back = geometry.head_pose(find_landmarks(mirrored, Detector.load().detect(mirrored)[0]))
    assert there.yaw < -5
    assert back.yaw == pytest.approx(-there.yaw, abs=5)
    assert back.pitch == pytest.approx(there.pitch, abs=5)


def test_roll_is_the_turn_of_the_picture() -> None:
    turned = np.asarray(Image.fromarray(framed(CHILD)).rotate(-20, Image.Resampling.BICUBIC))
    pose = geometry.head_pose(find_landmarks(turned, Detector.load().detect(turned)[0]))
    assert pose.roll - geometry.head_pose(mesh_of(CHILD)).roll == pytest.approx(20, abs=4)


def test_an_open_mouth_is_measured() -> None:
    assert geometry.mouth_openness(mesh_of(LAUGHING)) > 0.2
    assert geometry.mouth_openness(mesh_of(SPECTACLED)) < 0.08
    right, left = geometry.eye_openness(mesh_of(CHILD))
    assert min(right, left) > 0.2
