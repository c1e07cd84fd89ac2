"""One server of a site, on a generator made of numpy: `python -m tests.web.one_of_several '{"port": 8001, …}'`.

Its faces show one of so many people, so that look-alikes are common.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nobodies.settings import WebSettings
from nobodies.web import app as web_app
from nobodies.web import exclusive
from nobodies.web.serve import serve
from tests.web.processes import load_tiny

NUM_PEOPLE = 2000


def person_of(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Whom a face shows, [128]."""
    person = int.from_bytes(hashlib.sha256(pixels.tobytes()).digest()[:8]) % NUM_PEOPLE
    return np.random.default_rng(person).standard_normal(128).astype(np.float32)


web_app.load_model = load_tiny
exclusive.embedding_of = person_of  # type: ignore[attr-defined]


def main(options: dict[str, Any]) -> None:
    """Serve until told to stop."""
    settings = WebSettings(**options | {"secret_file": Path(options["secret_file"])})
    serve(settings, announce=lambda address: print(address, flush=True))  # noqa: T201


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
