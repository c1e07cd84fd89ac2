from html.parser import HTMLParser
from pathlib import Path

import pytest

from nobodies.errors import InputError
from nobodies.training.board import Board
from nobodies.training.dataset import PictureDataset
from nobodies.training.page import Curve, chart, write_page
from nobodies.training.processes import Processes
from nobodies.training.run import RunFolder, begin_or_continue, train
from tests.training.conftest import tiny_config


class Checker(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.figures = 0
        self.charts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.figures += tag == "figure"
        if tag == "svg":
            self.charts.append(dict(attrs)["aria-label"] or "")


def test_the_page_of_a_run(dataset: PictureDataset, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "a <run>")
    state = begin_or_continue(folder, tiny_config(), Processes())
    board = Board(folder.path)
    for progress in train(state, dataset, folder, Processes()):
        board.write(progress)
    board.close()
    text = write_page(folder).read_text()
    checker = Checker()
    checker.feed(text)
    assert checker.figures == 5 * 32
    assert {"losses", "mean score by the discriminator"} <= set(checker.charts)
    assert {"augmentation p", "R1", "path-length penalty"} <= set(checker.charts)
    assert "a &lt;run&gt;" in text
    for path in folder.samples.glob("*.png"):
        assert f"samples/{path.name}" in text
    assert next((folder.path / "board").iterdir()).stat().st_size > 1000


def test_a_chart_spans_its_points() -> None:
    svg = chart("x", [Curve("a", [(0, 1.0), (10, 3.0)])])
    assert '"42.0,156.0 418.0,28.0"' in svg
    assert chart("x", [Curve("a", [])]) == ""


def test_no_run_no_page(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no run"):
        write_page(RunFolder(tmp_path))
