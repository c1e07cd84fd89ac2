import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from nobodies.errors import SettingError
from nobodies.imaging import contact_sheet


def _plain(value: int) -> Image.Image:
    return Image.new("RGB", (32, 32), (value, value, value))


@given(st.integers(1, 30), st.one_of(st.none(), st.integers(1, 6)))
def test_every_picture_has_its_place(count: int, columns: int | None) -> None:
    sheet = contact_sheet(map(_plain, range(100, 100 + count)), count=count, columns=columns, cell_px=8, gap_px=2)
    shown = np.asarray(sheet)[4::10, 4::10, 0].ravel()
    assert shown[:count].tolist() == list(range(100, 100 + count))
    assert (shown[count:] < 100).all()


def test_twelve_faces_make_a_sheet_of_four_by_three() -> None:
    assert contact_sheet(map(_plain, range(12)), count=12, cell_px=10, gap_px=0).size == (40, 30)


def test_no_pictures_make_no_sheet() -> None:
    with pytest.raises(SettingError):
        contact_sheet([], count=0)
