import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nobodies.bulk.recipe import Wanted
from nobodies.provenance import COMPOSITE_SOURCE_TYPE, is_marked
from nobodies.settings import PictureSettings
from tests.bulk.conftest import MakeSet, make_set, recipe_of, threads_put_back
from tests.cli.conftest import Run
from tests.postgres import database, postgres
from tests.uniqueness.conftest import fingerprint_embedding, fingerprints

__all__ = ["database", "fingerprints", "make_set", "postgres", "threads_put_back"]
pytestmark = pytest.mark.usefixtures("fingerprints")


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_unique_faces_are_given_to_one_folder_only(run_tiny: Run, tmp_path: Path) -> None:
    assert run_tiny("generate", "--seeds", "1-3", "--unique", "--out", tmp_path / "a")[0] == 0
    code, _, err = run_tiny("generate", "--seeds", "2-5", "--unique", "--out", tmp_path / "b", "--sheet")
    assert code == 0
    assert "2 faces left out; 2 resemble faces given out before" in err
    assert _names(tmp_path / "b") == {"face-4.jpg", "face-5.jpg", "sheet.jpg"}


def test_an_interrupted_run_gets_its_faces_again(run_tiny: Run, tmp_path: Path) -> None:
    arguments = ("generate", "--seeds", "1-3", "--unique", "--out", tmp_path / "a")
    run_tiny(*arguments)
    (tmp_path / "a" / "face-2.jpg").unlink()
    code, _, err = run_tiny(*arguments)
    assert (code, err) == (0, "")
    assert "face-2.jpg" in _names(tmp_path / "a")


def test_a_blocked_person_is_not_made(run: Run, run_tiny: Run, tmp_path: Path) -> None:
    run_tiny("generate", "--seeds", "1", "--format", "png", "--watermark", "off", "--out", tmp_path / "a")
    photo = tmp_path / "a" / "face-1.png"
    code, out, _ = run("block", photo, "--note", "asked on 3 May")
    assert (code, out) == (0, "blocked as number 1; the photo is not kept\n")
    assert "asked on 3 May" in run("block", "--list")[1]
    _, _, err = run_tiny("generate", "--seeds", "1", "--unique", "--out", tmp_path / "b")
    assert "1 resemble blocked people" in err
    assert run("block", "--remove", "1")[0] == 0
    run_tiny("generate", "--seeds", "1", "--unique", "--out", tmp_path / "b")
    assert _names(tmp_path / "b") == {"face-1.jpg"}


def test_a_gallery_is_blocked_once(run: Run, run_tiny: Run, tmp_path: Path) -> None:
    run_tiny("generate", "--seeds", "1-3", "--format", "png", "--watermark", "off", "--out", tmp_path / "a")
    Image.new("RGB", (64, 64)).save(tmp_path / "a" / "dark.png")
    assert run("block", tmp_path / "a", "--note", "staff")[1].startswith("3 blocked, 0 blocked before, 1 without")
    assert run("block", tmp_path / "a", "--note", "staff")[1].startswith("0 blocked, 3 blocked before, 1 without")
    assert run("block", tmp_path / "a" / "face-2.png")[1].startswith("blocked before as number 2")
    assert run("block", "--list")[1].count("staff") == 3
    _, _, err = run_tiny("generate", "--seeds", "1-4", "--unique", "--out", tmp_path / "b")
    assert "3 resemble blocked people" in err
    assert _names(tmp_path / "b") == {"face-4.jpg"}


def test_machines_share_a_ledger(run: Run, run_tiny: Run, database: str, tmp_path: Path) -> None:
    unique = ("--unique", "--ledger", database)
    run_tiny("generate", "--seeds", "1", "--format", "png", "--watermark", "off", "--out", tmp_path / "one")
    assert run("block", tmp_path / "one" / "face-1.png", "--ledger", database)[0] == 0
    _, _, err = run_tiny("generate", "--seeds", "1-3", *unique, "--out", tmp_path / "a")
    assert "1 resemble blocked people" in err
    _, _, err = run_tiny("generate", "--seeds", "2-4", *unique, "--out", tmp_path / "b")
    assert "2 resemble faces given out before" in err
    assert _names(tmp_path / "b") == {"face-4.jpg"}
    assert run_tiny("generate", "--seeds", "2-4", *unique, "--out", tmp_path / "a", "--overwrite")[0] == 0
    assert _names(tmp_path / "a") == {"face-2.jpg", "face-3.jpg"}, "what a holder has, it may make again"


def test_a_ledger_out_of_reach_is_one_line_without_its_password(run_tiny: Run, tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    address = "postgresql://anna:geheim@127.0.0.1:1/faces"
    code, _, err = run_tiny("generate", "--seeds", "1", "--unique", "--ledger", address, "--out", tmp_path / "a")
    assert (code, err.strip().splitlines()[-1]) == (
        2, "nobodies: cannot use the database 127.0.0.1:1/faces: it does not answer"
    )  # fmt: skip
    assert "geheim" not in err
    assert "anna" not in err
    assert not list((tmp_path / "a").glob("*.jpg"))


def test_bad_blocks_are_one_line(run: Run, tmp_path: Path) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "dark.png")
    for arguments, said in [
        ((), "give one of"),
        ((tmp_path / "dark.png", "--list"), "give one of"),
        ((tmp_path / "dark.png",), "shows no face"),
        ((tmp_path / "missing.png",), "cannot be read"),
        (("--remove", "9"), "there is no block 9"),
    ]:
        code, out, err = run("block", *arguments)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert said in err


def test_an_audit_reports_and_shows_generated_faces_only(run_tiny: Run, tmp_path: Path) -> None:
    people = tmp_path / "people"
    people.mkdir()
    for number in range(3):
        noise = np.random.default_rng(number).integers(0, 255, (24, 24, 3)).astype(np.uint8)
        assert fingerprint_embedding(noise) is not None
        Image.fromarray(noise).save(people / f"{number}.png")
    out = tmp_path / "out"
    arguments = ("audit", "--faces", "8", "--psi", "0.5", "--psi", "1", "--gallery", people, "--out", out)
    code, said, _ = run_tiny(*arguments)
    assert code == 0
    assert "generated faces against real people, psi-0.5: 8 against 3" in said
    report = json.loads((out / "audit.json").read_text())
    assert report["gallery"]["num_faces"] == 3
    assert report["faces"]["psi-1"]["among"]["num_faces"] == 8
    assert _names(out) == {"audit.json", "nearest-psi-0.5.jpg", "nearest-psi-1.jpg"}
    assert run_tiny(*arguments)[1] == said, "a second run finds everything there"


def test_the_gallery_is_shown_when_asked_and_declared_as_composite(run_tiny: Run, tmp_path: Path) -> None:
    people = tmp_path / "people"
    people.mkdir()
    for number in range(3):
        noise = np.random.default_rng(number).integers(0, 255, (24, 24, 3)).astype(np.uint8)
        Image.fromarray(noise).save(people / f"{number}.png")
    out = tmp_path / "out"
    code, _, _ = run_tiny("audit", "--faces", "4", "--gallery", people, "--show-gallery", "--out", out)
    assert code == 0
    assert _names(out) == {"audit.json", "nearest-psi-0.7.jpg", "nearest-real-psi-0.7.jpg"}
    with Image.open(out / "nearest-real-psi-0.7.jpg") as sheet:
        assert not is_marked(sheet.info["xmp"])
        assert COMPOSITE_SOURCE_TYPE.encode() in sheet.info["xmp"]


def test_a_set_is_audited_as_far_as_it_is_made(run: Run, make_set: MakeSet, tmp_path: Path) -> None:
    made = tmp_path / "set"
    make_set(made, Wanted(seeds="1-9"), recipe_of(picture=PictureSettings(format="png")))
    arguments = ("audit", "--set", made, "--out", tmp_path / "out")
    code, said, _ = run(*arguments, "--faces", "6")
    assert code == 0
    assert "generated faces among themselves, set: 6 against 6" in said
    assert _names(tmp_path / "out") == {"audit.json", "nearest-set.jpg"}
    assert "set: 9 against 9" in run(*arguments)[1]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--set", "nowhere"), "is no set"),
        (("--set", "nowhere", "--psi", "1"), "--set has its own seeds"),
        (("--show-gallery",), "--show-gallery goes with --gallery"),
        (("--from-seed", "-1"), "--from-seed is -1"),
    ],
)
def test_odd_audits_are_refused(run: Run, arguments: tuple[str, ...], reason: str) -> None:
    code, _, err = run("audit", *arguments)
    assert code == 2
    assert reason in err


@pytest.mark.parametrize("faces", ["1", "2000000"])
def test_too_few_or_too_many_faces_are_refused(run_tiny: Run, faces: str) -> None:
    code, _, err = run_tiny("audit", "--faces", faces)
    assert code == 2
    assert "--faces is" in err
