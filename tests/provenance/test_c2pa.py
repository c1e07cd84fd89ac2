import io
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from nobodies.errors import DependencyError, InputError
from nobodies.imaging import CODECS, encode, xmp_of
from nobodies.provenance import c2pa, packet
from nobodies.provenance.signing import credentials, existing_credentials, signing_file
from nobodies.settings import PictureFormat
from tests.provenance.watermark.pictures import photograph

pytest.importorskip("c2pa")
FORMATS: list[PictureFormat] = ["jpeg", "png", "webp", "avif"]


def _signed(format: PictureFormat = "jpeg") -> bytes:
    data = encode(photograph(128), format=format, xmp=packet({"seed": 1}))
    return c2pa.sign(data, CODECS[format].media_type)


@pytest.mark.parametrize("format", FORMATS)
def test_a_signed_file_is_whole_and_known_as_ours(format: PictureFormat) -> None:
    data = _signed(format)
    manifest = c2pa.read(data, CODECS[format].media_type)
    assert manifest is not None
    assert manifest.standing == c2pa.Standing.MADE_HERE
    assert manifest.generated
    assert manifest.generator is not None
    assert manifest.generator.startswith("nobodies ")
    with Image.open(io.BytesIO(data)) as image:
        assert xmp_of(image) == packet({"seed": 1}), "the packet written before is still there"
        image.load()


@pytest.mark.parametrize("format", FORMATS)
def test_signing_leaves_the_pixels_alone(format: PictureFormat) -> None:
    plain = encode(photograph(128), format=format, xmp=packet({"seed": 1}))
    with Image.open(io.BytesIO(plain)) as before, Image.open(io.BytesIO(_signed(format))) as after:
        assert before.tobytes() == after.tobytes()


@pytest.mark.parametrize("format", FORMATS)
def test_one_bit_changed_in_the_recipe_breaks_the_signature(format: PictureFormat) -> None:
    data = bytearray(_signed(format))
    data[data.index(b"nobodies:Recipe") + 20] ^= 1
    manifest = c2pa.read(bytes(data), CODECS[format].media_type)
    assert manifest is not None
    assert manifest.standing == c2pa.Standing.BROKEN


def test_an_unsigned_file_has_no_manifest() -> None:
    assert c2pa.read(encode(photograph(128)), "image/jpeg") is None


def test_files_signed_elsewhere_are_intact_but_not_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = _signed()
    for place in ("no key there", "another key"):
        monkeypatch.setenv("NOBODIES_DATA", str(tmp_path / place))
        if place == "another key":
            credentials()
        manifest = c2pa.read(data, "image/jpeg")
        assert manifest is not None
        assert manifest.standing == c2pa.Standing.INTACT
    assert not (tmp_path / "no key there").exists(), "reading makes no key"


def test_the_key_is_made_once_and_for_its_owner_alone() -> None:
    with ThreadPoolExecutor(4) as pool:
        made = {each.key for each in pool.map(lambda _: credentials(), range(8))}
    assert len(made) == 1
    assert stat.S_IMODE(signing_file().stat().st_mode) == 0o600
    found = existing_credentials()
    assert found is not None
    assert found.self_made
    assert "PRIVATE" not in repr(found)


def test_reading_makes_no_key() -> None:
    assert existing_credentials() is None
    assert not signing_file().exists()


def test_the_certificate_of_an_operator_is_used() -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    credentials()
    content = signing_file().read_bytes()
    chain = x509.load_pem_x509_certificates(content)
    key = serialization.load_pem_private_key(content, None)
    pem = serialization.Encoding.PEM
    blocks = [each.public_bytes(pem) for each in chain]
    blocks.append(
        key.private_bytes(pem, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    )
    signing_file().write_bytes(b"".join(blocks))
    manifest = c2pa.read(_signed(), "image/jpeg")
    assert manifest is not None
    assert manifest.standing == c2pa.Standing.MADE_HERE


@pytest.mark.parametrize(
    "content", [b"", b"nonsense", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]
)
def test_a_useless_signing_file_is_refused_in_one_line(content: bytes) -> None:
    signing_file().write_bytes(content)
    with pytest.raises(InputError, match="must hold a private key") as caught:
        _signed()
    assert "\n" not in str(caught.value)


def test_the_key_must_be_that_of_the_certificate() -> None:
    credentials()
    first = signing_file().read_bytes()
    signing_file().unlink()
    credentials()
    key, _, _ = signing_file().read_bytes().partition(b"-----BEGIN CERTIFICATE")
    _, mark, chain = first.partition(b"-----BEGIN CERTIFICATE")
    signing_file().write_bytes(key + mark + chain)
    with pytest.raises(InputError, match="not that of the key"):
        credentials()


def test_without_the_library_only_an_order_to_sign_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(c2pa, "is_installed", lambda: False)
    assert not c2pa.wanted("auto")
    assert not c2pa.wanted("off")
    with pytest.raises(DependencyError, match="pip install"):
        c2pa.wanted("on")
    with pytest.raises(DependencyError, match="pip install"):
        c2pa.read(b"", "image/jpeg")
