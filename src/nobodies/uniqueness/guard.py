"""Letting a face out only if it is nobody's yet."""

import platform
from dataclasses import dataclass, field
from pathlib import Path

from nobodies.database import is_address
from nobodies.generator import Face
from nobodies.provenance.marks import digest_of
from nobodies.uniqueness.ledger import Ledger, Match
from nobodies.uniqueness.look import embedding_of


@dataclass(slots=True)
class Guard:
    """Claims faces for one holder, and remembers what was refused."""

    ledger: Ledger
    holder: str
    """Who gets the faces, such as the folder they are written to. The same holder may have the same face again."""
    refused: list[tuple[Face, Match | None]] = field(default_factory=list)
    """Faces that resemble one that was given, or a person who is blocked; or None, where no face can be found."""

    def lets_out(self, face: Face) -> bool:
        """Record a face as given, or refuse it.

        Raises:
            OutputError: the ledger cannot be written. Then nothing may be given out.
        """
        embedding = embedding_of(face.pixels)
        if embedding is None:
            self.refused.append((face, None))
            return False
        match = self.ledger.claim(f"{digest_of(face.recipe()):016x}", embedding, holder=self.holder)
        if match is not None:
            self.refused.append((face, match))
        return match is None


def holder_of(folder: Path, place: str | None) -> str:
    """Name a folder as the holder of the faces in it; on a ledger that machines share, with the machine's name."""
    path = str(folder.resolve())
    return f"{platform.node()}:{path}" if place and is_address(place) else path
