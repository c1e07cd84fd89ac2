from pathlib import Path

import numpy as np
import pytest

from nobodies.errors import InputError
from nobodies.imaging.video import Orientation
from nobodies.imaging.video_reader import open_video
from tests.imaging.clips import corners, turn, write_clip

# Display matrix (a, b, c, d) and, worked out by hand, which stored corner it shows at the top left, top right,
# bottom left and bottom right: x' = a·x + c·y, y' = b·x + d·y.
RED, GREEN, BLUE, DARK = (200, 40, 40), (40, 200, 40), (40, 40, 200), (40, 40, 40)
TURNS = {
    "as stored": ((1, 0, 0, 1), (RED, GREEN, BLUE, DARK)),
    "turned by 90": ((0, 1, -1, 0), (BLUE, RED, DARK, GREEN)),
    "turned by 180": ((-1, 0, 0, -1), (DARK, BLUE, GREEN, RED)),
    "turned by 270": ((0, -1, 1, 0), (GREEN, DARK, RED, BLUE)),
    "mirrored left to right": ((-1, 0, 0, 1), (GREEN, RED, DARK, BLUE)),
    "mirrored top to bottom": ((1, 0, 0, -1), (BLUE, DARK, RED, GREEN)),
    "swapped": ((0, 1, 1, 0), (RED, BLUE, GREEN, DARK)),
    "swapped and turned": ((0, -1, -1, 0), (DARK, GREEN, BLUE, RED)),
}


@pytest.mark.parametrize("name", TURNS)
def test_frames_come_upright(tmp_path: Path, name: str) -> None:
    matrix, expected = TURNS[name]
    with open_video(turn(write_clip(tmp_path / "clip.mp4"), *matrix)) as video:
        frame = next(iter(video))
    pixels = frame.pixels()
    height, width = pixels.shape[:2]
    assert (width, height) == frame.size == (video.info.width, video.info.height)
    assert (width, height) == ((48, 64) if matrix[0] == 0 else (64, 48))
    found = pixels[height // 4 :: height // 2, width // 4 :: width // 2].reshape(4, 3)
    np.testing.assert_allclose(found, expected, atol=25)


def test_an_odd_angle_is_refused(tmp_path: Path) -> None:
    clip = turn(write_clip(tmp_path / "clip.mp4"), 0.7071, 0.7071, -0.7071, 0.7071)
    with pytest.raises(InputError, match="turned by -45°: only 0, 90, 180 and 270"):
        open_video(clip)


def test_an_orientation_twice_mirrored_is_none() -> None:
    pixels = corners()
    for orientation in (Orientation(flip_x=True), Orientation(flip_y=True), Orientation(swap=True)):
        assert not np.array_equal(orientation.upright(pixels), pixels)
        np.testing.assert_array_equal(orientation.upright(orientation.upright(pixels)), pixels)


@pytest.mark.parametrize(("asked", "size"), [(None, (64, 48)), (32, (32, 24)), (33, (33, 25)), (500, (64, 48))])
def test_frames_are_only_scaled_down(tmp_path: Path, asked: int | None, size: tuple[int, int]) -> None:
    with open_video(write_clip(tmp_path / "clip.mp4")) as video:
        pixels = next(iter(video)).pixels(long_side_px=asked)
    assert pixels.shape == (size[1], size[0], 3)
    assert pixels.dtype == np.uint8
    np.testing.assert_allclose(pixels[2, 2], RED, atol=25)
