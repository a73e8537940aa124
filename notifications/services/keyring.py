"""The keys this process has seen lately, so that a call costs no look-up of its key."""

import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from notifications.services.keys import Token
from notifications.words import Mode

MEMORY = 5.0  # seconds until a revoked key stops working everywhere
MOST = 4096

# One statement: it finds the key, and once a minute notes that it is in use. The hash is asked
# for there so that a guess leaves no mark; a row somebody holds is skipped, never waited for.
_FIND = """
    WITH due AS (
        SELECT id FROM api_key
        WHERE prefix = %(prefix)s AND hash = %(digest)s AND mode = %(mode)s AND revoked_at IS NULL
          AND (expires_at IS NULL OR expires_at > statement_timestamp())
          AND (last_used_at IS NULL
               OR last_used_at <= statement_timestamp() - interval '1 minute')
        FOR NO KEY UPDATE SKIP LOCKED
    ), used AS (
        UPDATE api_key SET last_used_at = statement_timestamp() FROM due WHERE api_key.id = due.id
    )
    SELECT k.hash, k.id, k.mode, k.scopes, k.expires_at, k.revoked_at IS NOT NULL,
           s.id, s.key, s.active
    FROM api_key k JOIN service s ON s.id = k.service_id
    WHERE k.prefix = %(prefix)s AND k.mode = %(mode)s
"""
_NO_HASH = bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who makes a call, with which key, and what it may do."""

    service_id: int
    service_key: str
    key_id: int
    mode: Mode
    scopes: frozenset[str]
    key_prefix: str = ""
    operator: str = ""  # who acts by hand through the same door, as the audit trail names them

    @property
    def actor(self) -> str:
        """Who did it, as the audit trail names them."""
        return self.operator or f"service:{self.service_key}"

    def may(self, scope: str) -> bool:
        """Whether the key was given this scope; none implies another."""
        return scope in self.scopes

    @property
    def sees_all(self) -> bool:
        """Whether it sees what other services sent, too."""
        return "read:all" in self.scopes

    @property
    def touches(self) -> list[int]:
        """The modes of what it may take back or send again; a test key, nothing for real."""
        return [int(Mode.TEST)] if self.mode is Mode.TEST else [int(mode) for mode in Mode]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A key whose secret was right, and whether it still opens anything."""

    caller: Caller
    expires_at: datetime | None
    revoked: bool
    service_active: bool


class Keyring:
    """Looks keys up and remembers those that exist for five seconds; `clock` is in seconds."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[Token, tuple[float, Known]] = {}

    def look_up(self, token: Token) -> Known | None:
        """The key that was sent, or None. A wrong secret costs what an unknown prefix costs."""
        now = self._clock()
        seen = self._seen.get(token)
        if seen is not None and now - seen[0] < MEMORY:
            return seen[1]
        known = _read(token)
        if known is not None:
            self._remember(token, now, known)
        return known

    def forget(self) -> None:
        """Look every key up again when it is next used."""
        self._seen.clear()

    def _remember(self, token: Token, now: float, known: Known) -> None:
        # Only right secrets come here, so guessing cannot fill it; the bound is for old age.
        if len(self._seen) >= MOST:
            self._seen.clear()
        self._seen[token] = (now, known)


def _read(token: Token) -> Known | None:
    values: dict[str, str | bytes | int] = {
        "prefix": token.prefix,
        "digest": token.digest,
        "mode": int(token.mode),
    }
    with connection.cursor() as cursor:
        cursor.execute(_FIND, values)
        row = cursor.fetchone()
    stored = _NO_HASH if row is None else bytes(row[0])
    if not hmac.compare_digest(stored, token.digest) or row is None:
        return None
    _, key_id, mode, scopes, expires_at, revoked, service_id, service_key, active = row
    return Known(
        caller=Caller(
            service_id=service_id,
            service_key=service_key,
            key_id=key_id,
            mode=Mode(mode),
            scopes=frozenset(scopes),
            key_prefix=token.prefix,
        ),
        expires_at=expires_at,
        revoked=revoked,
        service_active=active,
    )
