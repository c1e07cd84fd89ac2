from pathlib import Path

import pytest

from tests.bulk.processes import NAME, bulk, put_model
from tests.cli.conftest import Run


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ([], "say which faces: --count N or --seeds A-B"),
        (["--count", "3", "--seeds", "1-3"], "say which faces"),
        (["--count", "0"], "count is 0: it must be at least 1"),
        (["--count", "99999999999"], "at most 10000000"),
        (["--seeds", "3-1"], "runs backwards"),
        (["--seeds", "1-3", "--where", "smiling"], "go with --count"),
        (["--seeds", "1-3", "--from-seed", "7"], "go with --count"),
        (["--count", "3", "--where", "smiling"], "no attributes are known for tiny-0"),
        (["--count", "3", "--edit", "age=+10"], "no attributes are known for tiny-0"),
        (["--count", "3", "--where", "purple"], "purple"),
        (["--count", "3", "--size", "4096"], "up to 64 px"),
        (["--count", "3", "--format", "png", "--quality", "50"], "lossless"),
        (["--count", "3", "--address", "auto"], "an address is for --engine ray"),
        (["--count", "3", "--engine", "slurm"], "'local', 'ray'"),
        (["--count", "3", "--shards", "zip"], "'webdataset', 'parquet'"),
        (["--count", "3", "--shard-mb", "0"], "shard_mb is 0.0: it must be between 0.01 and 8192"),
        (["--count", "3", "--model", "ffqh"], "unknown model 'ffqh'"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    run: Run, own_cache: Path, tmp_path: Path, arguments: list[str], hint: str
) -> None:
    put_model(own_cache)
    model = [] if "--model" in arguments else ["--model", NAME]
    code, out, err = run("bulk", "--out", tmp_path / "set", *model, *arguments)
    assert (code, out) == (2, "")
    assert hint in err
    assert err.startswith("nobodies: ")
    assert err.count("\n") == 1
    assert not [path for path in (tmp_path / "set").rglob("*") if path.name != ".lock"]


def test_a_table_instead_of_a_tar(own_cache: Path, tmp_path: Path) -> None:
    put_model(own_cache)
    finished = bulk(tmp_path / "set", "--shards", "parquet", "--worker-threads", "1", "--workers", "1")
    assert finished.returncode == 0, finished.stderr
    assert {path.suffix for path in (tmp_path / "set" / "data").iterdir()} == {".parquet"}
    assert "to_batches" in (tmp_path / "set" / "README.md").read_text()
