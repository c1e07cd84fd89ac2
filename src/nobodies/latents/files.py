"""Latent codes from files: .npy and .npz, never pickled objects."""

import zipfile
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nobodies.errors import InputError

_MOST_BYTES: Final = 1 << 30


def load_codes(path: Path, names: tuple[str, ...]) -> NDArray[Any]:
    """Read codes from a file of numpy.

    Args:
        path: a `.npy` file, or a `.npz` file with one array or with one of the given names.
        names: names to look for in a `.npz` file, best first.

    Returns:
        The array as it is; its shape is for the caller to check.

    Raises:
        InputError: there is no such file, it is too large or damaged, holds objects, or none of the names.
    """
    try:
        size = path.stat().st_size
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    if size > _MOST_BYTES:
        raise InputError(f"{path} has {size} bytes: files of codes may have up to {_MOST_BYTES}")
    try:
        if not zipfile.is_zipfile(path):
            # Mapped, so that a header cannot claim more numbers than the file has.
            return np.array(np.lib.format.open_memmap(path, mode="r"))
        with path.open("rb") as file, np.load(file, allow_pickle=False) as content:
            return _pick(content, path, names)
    except (OSError, ValueError, EOFError, MemoryError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is not a .npy or .npz file of numbers: {error}") from None


def _pick(content: Any, path: Path, names: tuple[str, ...]) -> NDArray[Any]:
    with zipfile.ZipFile(path) as archive:
        if sum(member.file_size for member in archive.infolist()) > _MOST_BYTES:
            raise InputError(f"{path} unpacks to more than {_MOST_BYTES} bytes")
    found = next((name for name in names if name in content.files), None)
    if found is None and len(content.files) == 1:
        found = content.files[0]
    if found is None:
        raise InputError(f"{path} holds {', '.join(content.files) or 'nothing'}: name the array {' or '.join(names)}")
    array: NDArray[Any] = content[found]
    return array
