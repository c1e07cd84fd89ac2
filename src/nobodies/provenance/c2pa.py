"""The C2PA manifest: a signed statement inside the file that says what made it, and breaks if the file is changed.

Reading and writing are done by c2pa-python, the library of the Content Authenticity Initiative (extra `[c2pa]`). No
network is used: no time stamp is asked for, nothing that a manifest refers to is fetched.
"""

import importlib.util
import io
import os
import threading
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from nobodies._version import __version__
from nobodies.errors import DependencyError, OutputError
from nobodies.provenance.signing import Credentials, credentials, existing_credentials
from nobodies.provenance.xmp import SOURCE_TYPE
from nobodies.settings import C2pa

if TYPE_CHECKING:
    import c2pa

_AGENT: Final = {"name": "nobodies", "version": __version__}
_CREATED: Final = {"action": "c2pa.created", "softwareAgent": _AGENT, "digitalSourceType": SOURCE_TYPE}
_STATEMENT: Final = {
    "claim_generator_info": [_AGENT],
    "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [_CREATED]}}],
}
_own = threading.local()
_OFFLINE: Final[dict[str, Any]] = {
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_after_sign": False},
    "builder": {"thumbnail": {"enabled": False}},
}


class Standing(StrEnum):
    """What a manifest is worth."""

    MADE_HERE = "made here"
    """Whole, and signed with this installation's key."""
    INTACT = "intact"
    """Whole; the signer is somebody else, whom we do not judge."""
    BROKEN = "broken"
    """The file was changed after it was signed, or the manifest itself is damaged."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the manifest of a file says."""

    standing: Standing
    generator: str | None
    """Program that made the statement."""
    generated: bool
    """It declares the picture as made by a trained algorithm."""
    signer: str | None
    """Organisation named in the certificate; worth no more than the certificate."""


def is_installed() -> bool:
    """Tell whether manifests can be read and written."""
    return all(importlib.util.find_spec(name) for name in ("c2pa", "cryptography"))


def wanted(setting: C2pa) -> bool:
    """Tell whether to sign.

    Raises:
        DependencyError: it is asked for and cannot be done.
    """
    if setting == "on" and not is_installed():
        raise DependencyError("c2pa is 'on' but not installed: pip install 'nobodies[c2pa]'")
    return setting != "off" and is_installed()


def sign(data: bytes, media_type: str, signer: Credentials | None = None) -> bytes:
    """Put a signed manifest into a finished file. Nothing may be changed in it afterwards.

    Args:
        data: jpeg, png, webp or avif, with its XMP packet already in it.
        media_type: such as image/jpeg.
        signer: this installation's own if None.

    Returns:
        The file with its manifest. Manifests hold random numbers by design: two of the same file differ.

    Raises:
        InputError: the signing key cannot be used.
        OutputError: the library refuses to sign.
    """
    out = io.BytesIO()
    sign_stream(io.BytesIO(data), out, media_type, signer)
    return out.getvalue()


def sign_stream(source: BinaryIO, out: BinaryIO, media_type: str, signer: Credentials | None = None) -> None:
    """Copy a finished file, with a signed manifest in it.

    Args:
        source: the file, at its beginning.
        out: empty; open for reading and writing.
        media_type: such as image/jpeg or video/mp4.
        signer: this installation's own if None.

    Raises:
        InputError: the signing key cannot be used.
        OutputError: the library refuses to sign.
    """
    import c2pa

    try:
        ours, context = _prepared(signer or credentials())
        with c2pa.Builder(_STATEMENT, context) as builder:
            builder.sign(ours, media_type, source, out)
    except c2pa.C2paError as error:
        raise OutputError(f"the file cannot be signed: {error}; check the signing certificate") from error


def _prepared(signer: Credentials) -> tuple["c2pa.Signer", "c2pa.Context"]:
    """Give what signs for somebody in this thread and process: made anew only when one of the three has changed."""
    import c2pa

    for_whom = (os.getpid(), signer)
    if getattr(_own, "for_whom", None) != for_whom:
        # The library's last argument is the address of a time-stamping service; none is asked.
        info = c2pa.C2paSignerInfo(signer.algorithm.encode(), signer.chain, signer.key, None)
        _own.signing = c2pa.Signer.from_info(info), c2pa.Context.from_dict(_OFFLINE)
        _own.for_whom = for_whom
    signing: tuple[c2pa.Signer, c2pa.Context] = _own.signing
    return signing


def read(source: bytes | BinaryIO, media_type: str) -> Manifest | None:
    """Read and check the manifest of a file.

    Args:
        source: the file, or its bytes.
        media_type: such as image/jpeg.

    Returns:
        What it says, or None if there is none.

    Raises:
        DependencyError: the extra c2pa is not installed.
    """
    if not is_installed():
        raise DependencyError("reading C2PA manifests needs an extra: pip install 'nobodies[c2pa]'")
    import c2pa

    known = existing_credentials()
    anchors = {"trust": {"user_anchors": known.anchor.decode()}} if known else {}
    with c2pa.Context.from_dict(_OFFLINE | anchors) as context:
        try:
            stream = io.BytesIO(source) if isinstance(source, bytes) else source
            reader = c2pa.Reader.try_create(media_type, stream, context=context)
        except c2pa.C2paError.NotSupported:
            return None
        except c2pa.C2paError:
            return Manifest(Standing.BROKEN, None, generated=False, signer=None)
        if reader is None:
            return None
        with reader:
            return _described(reader)


def _described(reader: "c2pa.Reader") -> Manifest:
    manifest = reader.get_active_manifest() or {}
    standings = {"Trusted": Standing.MADE_HERE, "Valid": Standing.INTACT}
    agents = manifest.get("claim_generator_info") or [{}]
    return Manifest(
        standing=standings.get(str(reader.get_validation_state()), Standing.BROKEN),
        generator=" ".join(str(agents[0][key]) for key in ("name", "version") if key in agents[0]) or None,
        generated=any(action.get("digitalSourceType") == SOURCE_TYPE for action in _actions(manifest)),
        signer=(manifest.get("signature_info") or {}).get("issuer"),
    )


def _actions(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for assertion in manifest.get("assertions", []):
        if str(assertion.get("label", "")).startswith("c2pa.actions"):
            found += assertion.get("data", {}).get("actions", [])
    return found
