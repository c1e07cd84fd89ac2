import pytest
from tools.build_reference import FOLDER, pages


@pytest.mark.parametrize("name", ["cli.md", "settings.md", "library.md"])
def test_the_reference_is_what_the_code_says(name: str) -> None:
    written = (FOLDER / name).read_text()
    assert written == pages()[name], "the reference is out of date: run 'make docs' and commit what it writes"
