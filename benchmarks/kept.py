"""Results of single faces, kept in a file, so that a measurement of many goes on where it was stopped."""

import json
from pathlib import Path
from typing import Any


class Kept:
    """Results by name, one JSON line each; without a file they last as long as the program."""

    def __init__(self, path: Path | None) -> None:
        self._path, self._results = path, dict[str, Any]()
        if path is not None and path.exists():
            for line in path.read_text().splitlines():
                try:
                    self._results |= json.loads(line)
                except ValueError:
                    continue  # cut short when the program was stopped

    def __contains__(self, name: str) -> bool:
        return name in self._results

    def __getitem__(self, name: str) -> Any:
        return self._results[name]

    def add(self, name: str, result: Any) -> None:
        """Keep a result, as JSON values."""
        self._results[name] = result
        if self._path is not None:
            with self._path.open("a") as file:
                file.write("\n" + json.dumps({name: result}))  # begins a line, so one cut short spoils no other
