import json
from pathlib import Path

from nobodies.provenance import encode_marked
from tests.cli.conftest import Run
from tests.provenance.watermark.pictures import photograph


def test_the_marks_of_a_file_are_reported(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "face.jpg"
    path.write_bytes(encode_marked(photograph(256), {"seed": 7}))
    code, out, _ = run("verify", path)
    assert code == 0
    assert "seed: 7" in out
    assert "xmp: valid" in out
    assert "watermark: valid (seed 7)" in out
    code, out, _ = run("verify", path, "--json")
    assert json.loads(out)["seed"] == "7"


def test_bad_input_is_one_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("no picture")
    for path in (tmp_path / "text.jpg", tmp_path / "missing.jpg", tmp_path):
        code, out, err = run("verify", path)
        assert (code, out) == (2, "")
        assert str(path) in err
        assert err.count("\n") == 1
