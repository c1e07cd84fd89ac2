"""Contact sheets: many pictures in one."""

import math
from collections.abc import Iterable

from PIL import Image

from nobodies.errors import SettingError


def contact_sheet(
    pictures: Iterable[Image.Image], *, count: int, columns: int | None = None, cell_px: int = 256, gap_px: int = 4
) -> Image.Image:
    """Lay pictures out in rows.

    Args:
        pictures: square pictures, taken one by one so that no more than one is in memory.
        count: how many they are.
        columns: pictures in a row; if None, the sheet is made about a third wider than high.
        cell_px: side of each picture on the sheet.
        gap_px: space between them.

    Returns:
        RGB sheet on a dark ground.

    Raises:
        SettingError: there is nothing to lay out.
    """
    if count < 1:
        raise SettingError("a contact sheet needs at least one picture")
    columns = columns or min(count, math.ceil(math.sqrt(count * 4 / 3)))
    rows = -(-count // columns)
    pitch = cell_px + gap_px
    sheet = Image.new("RGB", (columns * pitch - gap_px, rows * pitch - gap_px), (24, 24, 24))
    for index, picture in enumerate(pictures):
        cell = picture.convert("RGB").resize((cell_px, cell_px), Image.Resampling.LANCZOS, reducing_gap=3.0)
        sheet.paste(cell, (index % columns * pitch, index // columns * pitch))
    return sheet
