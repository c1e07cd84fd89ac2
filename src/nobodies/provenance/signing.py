"""The key and certificate that manifests are signed with: the operator's, or a pair that is made here.

Both stand in one file of PEM blocks, `signing.pem` in the data folder: a private key, its certificate, and those
above it. An operator with a certificate from an authority on the C2PA trust list puts it there. Otherwise a key and a
certificate are made at first use. Such a certificate shows that two pictures come from the same installation and that
a picture was not changed since; as nobody vouches for it, other people's validators call it untrusted, rightly.
"""

import datetime
import logging
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from nobodies.errors import DependencyError, InputError
from nobodies.files import make_folder, write_atomic
from nobodies.settings import environment

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

SELF_MADE: Final = "nobodies (self-made certificate)"
"""The organisation that a certificate made here names as its issuer."""

_FILE_NAME: Final = "signing.pem"
_LIFE: Final = datetime.timedelta(days=20 * 365)
_MOST_BYTES: Final = 1 << 20

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What signs a manifest."""

    algorithm: str
    """As C2PA names it: es256, es384, es512, ps256 or ed25519."""
    key: bytes
    """The private key, PEM."""
    chain: bytes
    """Its certificate, then those above it, PEM."""
    anchor: bytes
    """The last certificate of the chain, PEM: who signs under it, signs here."""
    self_made: bool

    def __repr__(self) -> str:
        """Keep the key out of logs and tracebacks."""
        return f"Credentials({self.algorithm}, {'self-made' if self.self_made else 'of the operator'})"


def signing_file() -> Path:
    """Give the file with key and certificates."""
    return environment().data_dir / _FILE_NAME


def credentials() -> Credentials:
    """Read key and certificates; make them if there are none.

    Raises:
        DependencyError: the extra c2pa is not installed.
        InputError: the file holds no usable key with its certificate.
        OutputError: they cannot be written.
    """
    path = signing_file()
    if not path.exists():
        _make(path)
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    try:
        return _parsed(content)
    except (ValueError, TypeError) as error:
        raise InputError(f"{path} must hold a private key and its certificates as PEM: {error}") from error


def existing_credentials() -> Credentials | None:
    """Read key and certificates if there are any; make none."""
    return credentials() if signing_file().exists() else None


@lru_cache(maxsize=4)
def _parsed(content: bytes) -> Credentials:
    _require()
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(content, password=None)
    chain = x509.load_pem_x509_certificates(content)
    if chain[0].public_key() != key.public_key():
        raise ValueError("the first certificate is not that of the key")
    pem = serialization.Encoding.PEM
    return Credentials(
        algorithm=_algorithm(key),
        key=key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
        chain=b"".join(each.public_bytes(pem) for each in chain),
        anchor=chain[-1].public_bytes(pem),
        self_made=any(part.value == SELF_MADE for part in chain[0].issuer),
    )


def _algorithm(key: object) -> str:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    match key:
        case ec.EllipticCurvePrivateKey() if key.curve.key_size in (256, 384, 521):
            return {256: "es256", 384: "es384", 521: "es512"}[key.curve.key_size]
        case rsa.RSAPrivateKey():
            return "ps256"
        case ed25519.Ed25519PrivateKey():
            return "ed25519"
        case _:
            raise ValueError("a key on P-256, P-384 or P-521, an RSA or an Ed25519 key is wanted")


def _make(path: Path) -> None:
    """Make a key, and a certificate for it under an authority of its own whose key is thrown away."""
    _require()
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from filelock import FileLock

    make_folder(path.parent)
    with FileLock(path.with_suffix(".lock")):
        if path.exists():
            return
        authority, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        pem = serialization.Encoding.PEM
        blocks = (
            key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
            _certificate("signer", key, authority, is_authority=False).public_bytes(pem),
            _certificate("authority", authority, authority, is_authority=True).public_bytes(pem),
        )
        write_atomic(path, b"".join(blocks), private=True)
        _log.info("made a key and a certificate to sign pictures with: %s", path)


def _certificate(
    name: str, key: "EllipticCurvePrivateKey", issuer_key: "EllipticCurvePrivateKey", *, is_authority: bool
) -> "x509.Certificate":
    """Make a certificate with what C2PA asks of one (specification 2.2, section 14.5)."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import ExtendedKeyUsageOID

    now = datetime.datetime.now(datetime.UTC)
    authority_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name("authority"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + _LIFE)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=0 if is_authority else None), critical=True)
        .add_extension(_usage(is_authority), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(authority_id, critical=False)
    )
    if not is_authority:
        purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(purpose, critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _usage(is_authority: bool) -> "x509.KeyUsage":
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> "x509.Name":
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    parts = [(NameOID.ORGANIZATION_NAME, SELF_MADE), (NameOID.COMMON_NAME, common_name)]
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])


def _require() -> None:
    try:
        import cryptography  # noqa: F401
    except ImportError:
        raise DependencyError("signing needs an extra: pip install 'nobodies[c2pa]', or choose c2pa 'off'") from None
