"""Who may use the API, and how often: both off unless an operator switches them on."""

import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Final

from nobodies.errors import SettingError

_PASS_LASTS_S: Final = 3600
_MOST_VISITORS: Final = 20_000
_SHORTEST_KEY: Final = 16


class Keys:
    """API keys of an operator, and the passes with which the scripts of the site's own pages call the API."""

    def __init__(self, keys: frozenset[str], secret: bytes, clock: Callable[[], float] = time.time) -> None:
        """Set up.

        Args:
            keys: those that are valid; if there are none, everybody may call.
            secret: signs passes; the same in all processes of a server.
            clock: seconds since the epoch.
        """
        self._digests = [sha256(key.encode()).digest() for key in keys]
        self._secret = secret
        self._clock = clock

    @property
    def needed(self) -> bool:
        """Whether a key is needed."""
        return bool(self._digests)

    def new_pass(self) -> str:
        """Make a pass that lasts an hour."""
        ends = str(int(self._clock()) + _PASS_LASTS_S)
        return f"{ends}.{self._signature(ends)}"

    def fits(self, offered: str) -> bool:
        """Tell whether a key or a pass is good. Takes the same time for every wrong key."""
        digest = sha256(offered.encode()).digest()
        matches = [hmac.compare_digest(digest, each) for each in self._digests]
        return any(matches) or self._is_pass(offered)

    def _is_pass(self, offered: str) -> bool:
        ends, _, signature = offered.partition(".")
        if not (ends.isascii() and ends.isdigit() and len(ends) <= 12 and signature.isascii()):
            return False
        return hmac.compare_digest(signature, self._signature(ends)) and int(ends) >= self._clock()

    def _signature(self, ends: str) -> str:
        return hmac.new(self._secret, ends.encode(), sha256).hexdigest()


def read_keys(path: Path | None) -> frozenset[str]:
    """Read a file of keys, one a line; empty lines and those that begin with # say nothing.

    Raises:
        SettingError: the file cannot be read, has no key, or one that is too short.
    """
    if path is None:
        return frozenset()
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise SettingError(f"keys_file {path} cannot be read: give a text file with one key a line") from None
    keys = frozenset(line.strip() for line in lines if line.strip() and not line.startswith("#"))
    if not keys or min(map(len, keys)) < _SHORTEST_KEY:
        raise SettingError(f"keys_file {path} needs a key a line, each of {_SHORTEST_KEY} characters or more")
    return keys


def new_secret() -> bytes:
    """Make a secret for the passes of one server."""
    return secrets.token_bytes(32)


class Rate:
    """How often each visitor may ask: a bucket of tokens that fills again through the minute."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Set up.

        Args:
            per_minute: requests of one visitor in a minute; 0 for any number.
            clock: seconds.
        """
        self._per_minute = per_minute
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, visitor: str) -> float:
        """Take a token.

        Returns:
            0 if there was one, otherwise the seconds until there will be.
        """
        if not self._per_minute:
            return 0.0
        now = self._clock()
        tokens, seen = self._buckets.pop(visitor, (float(self._per_minute), now))
        tokens = min(self._per_minute, tokens + (now - seen) * self._per_minute / 60)
        allowed = tokens >= 1
        self._buckets[visitor] = (tokens - allowed, now)
        if len(self._buckets) > _MOST_VISITORS:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - tokens) * 60 / self._per_minute
