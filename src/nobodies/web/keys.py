"""Who may use the API, and how often: both off unless an operator switches them on."""

import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Final, Protocol

from nobodies.errors import SettingError

_PASS_LASTS_S: Final = 3600
_MOST_VISITORS: Final = 20_000
_SHORTEST_KEY: Final = 16
_SECRET_BYTES: Final = (32, 4096)


class KeyStore(Protocol):
    """Further keys, kept elsewhere."""

    def holds(self, digest: bytes) -> bool:
        """Tell whether the key of this SHA-256 digest is valid.

        Raises:
            UnreachableError: that cannot be told now.
        """


class Keys:
    """API keys of an operator, and the passes with which the scripts of the site's own pages call the API."""

    def __init__(
        self,
        keys: frozenset[str],
        secret: bytes,
        clock: Callable[[], float] = time.time,
        *,
        store: KeyStore | None = None,
    ) -> None:
        """Set up.

        Args:
            keys: those that are valid; if there are none, and no store, everybody may call.
            secret: signs passes; the same in all processes of a server, and on all servers of a site.
            clock: seconds since the epoch.
            store: further keys that are valid.
        """
        self._digests = [sha256(key.encode()).digest() for key in keys]
        self._store = store
        self._secret = secret
        self._clock = clock

    @property
    def needed(self) -> bool:
        """Whether a key is needed."""
        return bool(self._digests) or self._store is not None

    def new_pass(self) -> str:
        """Make a pass that lasts an hour."""
        ends = str(int(self._clock()) + _PASS_LASTS_S)
        return f"{ends}.{self._signature(ends)}"

    def fits(self, offered: str) -> bool:
        """Tell whether a key or a pass is good. What is compared here takes the same time for every wrong key.

        Raises:
            UnreachableError: it may be one of the store, which does not answer.
        """
        digest = sha256(offered.encode()).digest()
        matches = [hmac.compare_digest(digest, each) for each in self._digests]
        if any(matches) or self._is_pass(offered):
            return True
        return bool(offered) and self._store is not None and self._store.holds(digest)

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


def read_secret(path: Path | None) -> bytes:
    """Read the secret that the servers of a site share, or make one for a server by itself.

    Raises:
        SettingError: the file cannot be read, or is too short to be secret, or too long.
    """
    if path is None:
        return secrets.token_bytes(32)
    try:
        secret = path.read_bytes().strip()
    except OSError:
        raise SettingError(f"secret_file {path} cannot be read: make one with 'openssl rand -hex 32'") from None
    if not _SECRET_BYTES[0] <= len(secret) <= _SECRET_BYTES[1]:
        raise SettingError(
            f"secret_file {path} holds {len(secret)} bytes: give {_SECRET_BYTES[0]} to {_SECRET_BYTES[1]}, as "
            "'openssl rand -hex 32' makes them"
        )
    return secret


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
