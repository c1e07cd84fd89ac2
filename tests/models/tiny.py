"""A catalogue of one tiny model in a wheel of its own, for tests and for the processes that tests start."""

import hashlib
import os
import sys
import time
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from nobodies.models import CATALOGUE, KnownModel, LicenceLink, Wheel

WHEEL_NAME = "tiny_face-1.0-py3-none-any.whl"
MEMBER = "tiny_face/weights.txt"
CONVERTING = "NOBODIES_TEST_CONVERTING"


def make_wheel(folder: Path) -> Path:
    """Write a wheel that pip accepts."""
    path = folder / WHEEL_NAME
    with zipfile.ZipFile(path, "w") as archive:
        members = {
            MEMBER: "1 2 3",
            "tiny_face-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: tiny-face\nVersion: 1.0\n",
            "tiny_face-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            "tiny_face-1.0.dist-info/RECORD": "",
        }
        for name, text in members.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return path


def known_model(wheel: Path) -> KnownModel:
    """Describe the model in that wheel."""
    return KnownModel(
        name="tiny",
        title="three numbers",
        wheel=Wheel(
            package="tiny-face",
            version="1.0",
            filename=WHEEL_NAME,
            sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
            size_bytes=wheel.stat().st_size,
            members=(MEMBER,),
        ),
        importer="tiny_for_tests",
        weights_sha256=WEIGHTS_SHA256,
        licence_chain=(LicenceLink("the numbers", "nobody", "CC0"),),
        card="Three numbers.",
    )


WEIGHTS_SHA256 = "eddd943d9a043a3f96a225a715e11e4d144ce0a7ad2bb528d6224bccae086cce"


def convert(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read the numbers. If a test asks for it, first say that it has begun and take a while."""
    if marker := os.environ.get(CONVERTING):
        Path(marker).touch()
        time.sleep(60)
    numbers = np.array((folder / MEMBER).read_text().split(), np.float32)
    return {"architecture": "none"}, {"numbers": numbers}


def install(wheel: Path) -> KnownModel:
    """Make the importer known to this process, and give the entry to put into the catalogue."""
    importer = ModuleType("tiny_for_tests")
    importer.convert = convert  # type: ignore[attr-defined]
    sys.modules["nobodies.models.importers.tiny_for_tests"] = importer
    return known_model(wheel)


if __name__ == "__main__":
    from nobodies.models import Store

    CATALOGUE["tiny"] = install(Path(sys.argv[1]))
    sys.stdout.write(f"{Store().load('tiny').tensors['numbers'].sum()}\n")
