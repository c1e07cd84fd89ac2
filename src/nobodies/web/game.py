"""The guessing game: real photographs that an operator supplies, among faces that were made."""

import hmac
import re
import secrets
from hashlib import sha256
from pathlib import Path
from typing import Final

from PIL import Image

from nobodies.errors import SettingError
from nobodies.imaging import encode
from nobodies.imaging.decode import read_pixels

SIZE_PX: Final = 512
_ENDINGS: Final = frozenset({".jpg", ".jpeg", ".png", ".webp", ".avif"})
_ROUND = re.compile(r"[0-9a-f]{16}")


class Game:
    """Rounds are names; what is behind a name follows from a secret, so nothing has to be kept of any player."""

    def __init__(self, folder: Path, secret: bytes) -> None:
        """Take a folder of photographs.

        Raises:
            SettingError: there are none in it.
        """
        found = folder.iterdir() if folder.is_dir() else ()
        self._photos = sorted(path for path in found if path.suffix.lower() in _ENDINGS)
        self._secret = secret
        if not self._photos:
            raise SettingError(f"real_photos {folder} holds no photographs: give a folder of jpeg, png, webp or avif")

    def new_round(self) -> str:
        """Name a new round."""
        return secrets.token_hex(8)

    def is_real(self, name: str) -> bool:
        """Tell whether a round shows a photograph of a real person.

        Raises:
            SettingError: that is no name of a round.
        """
        return self._number(name, "kind") % 2 == 0

    def seed(self, name: str) -> int:
        """Give the seed of a round that shows a made face."""
        return self._number(name, "seed")

    def photo(self, name: str) -> bytes:
        """Give the photograph of a round that shows one: square, and without what the file said about it.

        Raises:
            InputError: the photograph cannot be read.
        """
        image = Image.fromarray(read_pixels(self._photos[self._number(name, "photo") % len(self._photos)]))
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        square = image.crop((left, top, left + side, top + side))
        return encode(square.resize((SIZE_PX, SIZE_PX), Image.Resampling.LANCZOS))

    def _number(self, name: str, purpose: str) -> int:
        if not _ROUND.fullmatch(name):
            raise SettingError("that is no round of the game")
        return int.from_bytes(hmac.new(self._secret, f"{purpose} {name}".encode(), sha256).digest()[:8], "big")
