"""The exported page that makes faces on the visitor's own machine, served beside the site under `/local/`."""

import json
import re
from pathlib import Path
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from nobodies.errors import SettingError

ADDRESS: Final = "/local/"
_ABOUT: Final = "about.json"
_MOST_ABOUT_BYTES: Final = 4 << 20
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_HEADERS: Final = {
    # WebAssembly may be compiled, and nothing else is run that does not come from here.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:; "
        "connect-src 'self'; worker-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    ),
    # Threads share memory, which browsers allow to pages that embed nothing of others.
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cache-Control": "no-cache",
}


class BrowserPage(StaticFiles):
    """The files of an export to the web, and no others."""

    def __init__(self, folder: Path) -> None:
        """Look at the folder.

        Args:
            folder: as 'nobodies models export NAME --to web' makes it.

        Raises:
            SettingError: it is no such folder.
        """
        self._names = frozenset(_files(folder))
        super().__init__(directory=folder)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer for one file; the page itself under the bare address."""
        name = "index.html" if path in (".", "") else path
        if name not in self._names:
            raise HTTPException(404)
        answer = await super().get_response(name, scope)
        answer.headers.update(_HEADERS)
        return answer


def _files(folder: Path) -> list[str]:
    """Give the names of the page's files, as it lists them itself."""
    path = folder / _ABOUT
    try:
        if path.stat().st_size > _MOST_ABOUT_BYTES:
            raise SettingError(f"{path} is over {_MOST_ABOUT_BYTES} bytes: it is not of an exported page")
        about: Any = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise SettingError(
            f"{folder} holds no page for the browser ({error}): make it with 'nobodies models export NAME --to web'"
        ) from error
    listed = about.get("files") if isinstance(about, dict) else None
    names = [str(each) for each in listed if each != "./"] if isinstance(listed, list) else []
    if "index.html" not in names or not all(_NAME.fullmatch(name) for name in names):
        raise SettingError(f"{path} lists no page, or odd names: export it again")
    if missing := [name for name in names if not (folder / name).is_file()]:
        raise SettingError(f"{folder} lacks {missing[0]}: export the page again")
    return [*names, _ABOUT]
