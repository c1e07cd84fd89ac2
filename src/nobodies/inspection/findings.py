"""What can be found out of a picture's origin, and what each finding proves and does not."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from nobodies.provenance.verify import Verdict

Name = Literal["marks", "grid", "alignment", "classifier", "faults"]
State = Literal["found", "not found", "not checked"]

MEANINGS: Final[Mapping[tuple[Name, State], str]] = {
    (
        "marks",
        "found",
    ): "The picture says of itself that it was generated; 'nobodies verify' says how far to trust that.",
    ("marks", "not found"): "Proves nothing: marks can be removed, and most generators of the past made none.",
    ("grid", "found"): "Networks that enlarge step by step leave such a grid; of the photographs measured, none had "
    "one. A pattern laid over a photograph would look the same.",
    (
        "grid",
        "not found",
    ): "Proves nothing: reducing or enlarging a picture hides the grid, many networks leave "
    "none, and the default model of nobodies is mended.",
    ("grid", "not checked"): "The picture is too small to look for a grid.",
    ("alignment", "found"): "Generators of portraits crop like this. So do the collections of photographs that they "
    "learned from, and by chance a photograph may be.",
    ("alignment", "not found"): "Proves nothing: any crop or frame changes it, and many generators crop otherwise.",
    ("alignment", "not checked"): "The picture is not square, or shows no face.",
    ("classifier", "found"): "A guess, by a net that knows the default model and one collection of photographs. It "
    "errs more on pictures unlike those, and knows no other generator.",
    ("classifier", "not found"): "A guess that proves nothing: it misses faces, above all of other generators.",
    ("classifier", "not checked"): "There is no face that is large enough.",
    ("faults", "found"): "Generators make such faults. So do cameras, crops and people who edit.",
    ("faults", "not found"): "Proves nothing: most generated faces have none that can be measured.",
    ("faults", "not checked"): "There is no face to look for faults in.",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked for."""

    name: Name
    state: State
    detail: str
    """What was seen, in a line."""
    values: Mapping[str, float]
    """The measures behind it, by name."""

    @property
    def meaning(self) -> str:
        """What it proves, and what it does not."""
        return MEANINGS[self.name, self.state]

    def to_json(self) -> dict[str, Any]:
        """Give it in JSON values."""
        return {
            "name": self.name,
            "state": self.state,
            "detail": self.detail,
            "meaning": self.meaning,
            "values": {name: round(value, 4) for name, value in self.values.items()},
        }


@dataclass(frozen=True, slots=True)
class Inspection:
    """Everything that was found out of a picture's origin."""

    findings: tuple[Finding, ...]
    verdict: Verdict
    """What its marks say."""

    @property
    def signs(self) -> tuple[Finding, ...]:
        """What speaks for a generated picture, marks apart."""
        return tuple(each for each in self.findings if each.state == "found" and each.name != "marks")

    @property
    def summary(self) -> str:
        """All of it, in a sentence."""
        if self.verdict.generated:
            return self.verdict.summary
        if self.signs:
            return f"No mark, but {len(self.signs)} of {len(self.findings) - 1} signs of a generated picture."
        return "Nothing found that speaks for a generated picture. That does not prove that it is a photograph."

    def to_json(self) -> dict[str, Any]:
        """Give it in JSON values."""
        return {
            "summary": self.summary,
            "generated": self.verdict.generated,
            "signs": [each.name for each in self.signs],
            "findings": [each.to_json() for each in self.findings],
        }
