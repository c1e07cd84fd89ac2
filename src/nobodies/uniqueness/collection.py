"""Embeddings of many faces, kept on disk in parts, so that a long audit goes on where it was stopped."""

import io
import itertools
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from nobodies.errors import InputError, OutputError
from nobodies.files import explained, make_folder, write_atomic
from nobodies.uniqueness.look import Embedding, no_embedding
from nobodies.vision.identity import NUM_DIMENSIONS

PART_ROWS: Final = 100
_DESCRIPTION: Final = "collection.json"


class Collection:
    """Embeddings in the order of the pictures they are of: row i belongs to picture i.

    A part is a .npy file of `PART_ROWS` rows; the last one may have fewer, and is replaced when more come. A picture
    without a face has a row of not-a-number.
    """

    def __init__(self, folder: Path, description: dict[str, Any]) -> None:
        """Open a folder, or begin one.

        Args:
            folder: where the parts are.
            description: what the embeddings are of, in JSON values.

        Raises:
            OutputError: the folder cannot be written, or holds something else.
        """
        self.folder = folder
        make_folder(folder)
        path = folder / _DESCRIPTION
        if not path.exists():
            write_atomic(path, json.dumps(description, indent=1, sort_keys=True).encode())
        with explained(path):
            text = path.read_text()
        if _parsed(text) != description:
            raise OutputError(f"{folder} holds another collection: choose another folder, or remove this one")
        self._parts = list(itertools.takewhile(Path.exists, map(self._path, itertools.count())))

    @classmethod
    def reopen(cls, folder: Path) -> Self:
        """Open a collection that is there, whatever it is of.

        Raises:
            InputError: there is none.
        """
        try:
            return cls(folder, json.loads((folder / _DESCRIPTION).read_text()))
        except (OSError, ValueError) as error:
            raise InputError(f"{folder} holds no collection of embeddings: {error}") from error

    def __len__(self) -> int:
        """Count the rows that are on disk."""
        if not self._parts:
            return 0
        return (len(self._parts) - 1) * PART_ROWS + len(self._read(self._parts[-1]))

    def rows(self) -> NDArray[np.float32]:
        """Give all embeddings, [N, 128]: 512 bytes each."""
        parts = [self._read(path) for path in self._parts]
        return np.concatenate(parts) if parts else np.empty((0, NUM_DIMENSIONS), np.float32)

    def extend(self, embeddings: Iterable[Embedding | None]) -> Iterator[int]:
        """Take further embeddings, and write each part as it fills.

        Args:
            embeddings: of the pictures that follow those already here; None for one without a face.

        Yields:
            How many rows there are, after each one taken. Those of a part that is not written yet are lost if the
            program is stopped, and are asked for again.

        Raises:
            OutputError: a part cannot be written.
        """
        number, num_begun = divmod(len(self), PART_ROWS)
        rows: list[Embedding] = list(self._read(self._parts[number])) if num_begun else []
        for embedding in embeddings:
            rows.append(no_embedding() if embedding is None else embedding)
            done = number * PART_ROWS + len(rows)
            if len(rows) == PART_ROWS:
                self._write(number, rows)
                number, rows = number + 1, []
            yield done
        if rows:
            self._write(number, rows)

    def _path(self, number: int) -> Path:
        return self.folder / f"part-{number:05d}.npy"

    def _write(self, number: int, rows: list[Embedding]) -> None:
        file = io.BytesIO()
        np.save(file, np.stack(rows).astype(np.float32), allow_pickle=False)
        path = self._path(number)
        write_atomic(path, file.getvalue())
        self._parts[number:] = [path]

    def _read(self, path: Path) -> NDArray[np.float32]:
        try:
            rows = np.load(path, allow_pickle=False)
        except (ValueError, OSError, EOFError) as error:
            raise OutputError(f"{path} is damaged: remove it and those after it, and run again") from error
        if rows.ndim != 2 or rows.shape[1] != NUM_DIMENSIONS or rows.dtype != np.float32:
            raise OutputError(f"{path} is not a part of a collection: remove it and those after it, and run again")
        return np.asarray(rows)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
