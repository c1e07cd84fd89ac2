from pathlib import Path

import numpy as np
import pytest

from nobodies.generator import Generator
from nobodies.settings import UniqueSettings
from nobodies.uniqueness.guard import Guard
from nobodies.uniqueness.ledger import open_ledger
from tests.uniqueness.conftest import fingerprint_embedding

pytestmark = pytest.mark.usefixtures("fingerprints")


def test_a_face_goes_out_once_a_holder(generator: Generator, tmp_path: Path) -> None:
    with open_ledger(UniqueSettings(distance=0.3), tmp_path / "faces.db") as ledger:
        ours, theirs = Guard(ledger, "ours"), Guard(ledger, "theirs")
        face = generator.face(1)
        assert ours.lets_out(face)
        assert ours.lets_out(face), "work that was interrupted may be repeated"
        assert not theirs.lets_out(face)
        ((refused, match),) = theirs.refused
        assert refused is face
        assert match is not None
        assert match.record.holder == "ours"


def test_a_blocked_person_and_a_picture_of_nobody_stay_in(generator: Generator, tmp_path: Path) -> None:
    with open_ledger(UniqueSettings(distance=0.3), tmp_path / "faces.db") as ledger:
        face = generator.face(1)
        row = fingerprint_embedding(face.pixels)
        assert row is not None
        ledger.block(row, note="")
        guard = Guard(ledger, "ours")
        assert not guard.lets_out(face)
        face.pixels[:] = np.uint8(0)
        assert not guard.lets_out(face)
        assert [match and match.record.kind for _, match in guard.refused] == ["blocked", None]
        assert list(ledger.records("given")) == []
