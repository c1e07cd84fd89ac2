import io
import json
from pathlib import Path

from PIL import Image

from nobodies.provenance import encode_marked
from tests.cli.conftest import Run
from tests.vision.conftest import BEARDED, face


def test_each_finding_is_told_with_what_it_proves(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "face.jpg"
    path.write_bytes(encode_marked(Image.fromarray(face(BEARDED)), {"seed": 7}))
    code, out, _ = run("inspect", path)
    assert code == 0
    lines = out.splitlines()
    assert "enerated" in lines[0]
    assert [line.split(":")[0] for line in lines[2::3]] == ["marks", "grid", "alignment", "classifier", "faults"]
    assert all(line.startswith("  ") for line in lines[3::3])
    code, out, _ = run("inspect", path, "--json")
    assert json.loads(out)["generated"] is True


def test_bad_input_is_one_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("no picture")
    cut = io.BytesIO()
    Image.fromarray(face(BEARDED)).save(cut, "PNG")
    (tmp_path / "cut.png").write_bytes(cut.getvalue()[:5000])
    for path in (tmp_path / "text.jpg", tmp_path / "cut.png", tmp_path / "missing.jpg", tmp_path):
        code, out, err = run("inspect", path)
        assert (code, out) == (2, "")
        assert str(path) in err
        assert err.count("\n") == 1
