"""A ZIP archive as a stream: each file is sent as soon as it is made, and none is held."""

import io
import json
import zipfile
from collections.abc import AsyncIterator
from typing import Any, cast


class _Sink(io.RawIOBase):
    """Takes what the archive writes and gives it on; cannot seek, so the archive is written as a stream."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        """Give what has been written since the last call."""
        data = b"".join(self._parts)
        self._parts.clear()
        return data


async def zip_stream(files: AsyncIterator[tuple[str, bytes, dict[str, Any]]]) -> AsyncIterator[bytes]:
    """Write an archive. Pictures do not get smaller by compression, so they are stored as they are.

    Args:
        files: name, content, and what manifest.jsonl says of it.

    Yields:
        Parts of the archive; the last holds manifest.jsonl and the directory.
    """
    sink = _Sink()
    lines = []
    with zipfile.ZipFile(cast("io.BufferedIOBase", sink), "w", zipfile.ZIP_STORED) as archive:
        async for name, content, entry in files:
            archive.writestr(name, content)
            lines.append(json.dumps({"file": name, **entry}))
            yield sink.taken()
        archive.writestr("manifest.jsonl", "".join(f"{line}\n" for line in lines), zipfile.ZIP_DEFLATED)
    yield sink.taken()
