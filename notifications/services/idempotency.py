"""Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): the same request, once.

The key's row is written in the transaction of what the request does, before it does it: whoever
comes second waits for nobody, and finds the first one's answer or that it is still running.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from notifications.services.authentication import Caller
from notifications.words import Mode
from notifysite.plumbing.problems import Problem

LONGEST = 255


@dataclass(frozen=True, slots=True)
class Use:
    """One request under a key: its scope is service, live or test, and endpoint."""

    service_id: int
    test: bool
    endpoint: str
    key: str
    fingerprint: bytes

    @classmethod
    def of(cls, caller: Caller, endpoint: str, header: str, body: Any) -> "Use":
        """From the header as sent, bare or in the quotes of RFC 8941. Raises Problem."""
        key = header[1:-1] if len(header) > 1 and header[0] == header[-1] == '"' else header
        if not 1 <= len(key) <= LONGEST or not (key.isascii() and key.isprintable()):
            raise Problem.of("bad_idempotency_key")
        canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return cls(
            service_id=caller.service_id,
            test=caller.mode is Mode.TEST,
            endpoint=endpoint,
            key=key,
            fingerprint=hashlib.sha256(f"{endpoint}\n{canonical}".encode()).digest(),
        )

    @property
    def scope(self) -> dict[str, Any]:
        """What the key is unique in, as the statements name it."""
        return {
            "service": self.service_id,
            "test": self.test,
            "endpoint": self.endpoint,
            "key": self.key,
        }


_LOOK = """
    SELECT fingerprint, status, answer FROM idempotency_key
    WHERE service_id = %(service)s AND test = %(test)s AND endpoint = %(endpoint)s AND key = %(key)s
"""
# The lock is by the key and ends with the transaction: who holds it is the request that runs.
_TAKE = """
    WITH turn AS (
        SELECT pg_try_advisory_xact_lock(hashtextextended(
            concat_ws(chr(10), %(service)s::text, %(test)s::text, %(endpoint)s, %(key)s), 0
        )) AS mine
    ), fresh AS (
        INSERT INTO idempotency_key (service_id, test, endpoint, key, fingerprint, status, answer)
        SELECT %(service)s, %(test)s, %(endpoint)s, %(key)s, %(fingerprint)s, %(status)s,
            %(answer)s::jsonb
        FROM turn WHERE mine
        ON CONFLICT DO NOTHING RETURNING id
    )
    SELECT EXISTS (SELECT FROM fresh) FROM turn
"""


def take(use: Use, *, status: int, answer: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Write the answer this request will give, or return the one given before.

    Two statements at most, in the caller's transaction: None means "go on, it is yours". Raises
    Problem 409 while the first is running, 422 when the body is another.
    """
    values = use.scope | {
        "fingerprint": use.fingerprint,
        "status": status,
        "answer": json.dumps(answer),
    }
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, values)
        if cursor.fetchone()[0]:
            return None
        cursor.execute(_LOOK, values)
        before = cursor.fetchone()
    if before is None:
        raise Problem.of("idempotency_in_flight", headers={"Retry-After": "1"})
    fingerprint, _, kept = before
    return _answered(use, bytes(fingerprint), kept)


# In the order of the keys, so that two calls that bring the same never wait in a circle.
_TAKE_ALL = """
    INSERT INTO idempotency_key (service_id, test, endpoint, key, fingerprint, status, answer)
    SELECT u.service_id, u.test, u.endpoint, u.key, u.fingerprint, %(status)s, u.answer::jsonb
    FROM unnest(%(services)s::bigint[], %(tests)s::bool[], %(endpoints)s::text[], %(keys)s::text[],
            %(fingerprints)s::bytea[], %(answers)s::text[])
        AS u(service_id, test, endpoint, key, fingerprint, answer)
    ORDER BY u.key
    ON CONFLICT DO NOTHING
    RETURNING key
"""
_LOOK_ALL = """
    SELECT key, fingerprint, answer FROM idempotency_key
    WHERE (service_id, test, endpoint) = (%(service)s, %(test)s, %(endpoint)s)
        AND key = ANY(%(keys)s::text[])
"""


def take_all(wanted: Sequence[tuple[Use, Mapping[str, Any]]], *, status: int) -> set[str]:
    """Write the answers these requests will give; returns the keys that were still free.

    One statement, in the caller's transaction. It waits for others that are taking the same keys.
    The uses are of one endpoint, and each key is there once.
    """
    if not wanted:
        return set()
    uses = [use for use, _ in wanted]
    values: dict[str, Any] = {
        "services": [use.service_id for use in uses],
        "tests": [use.test for use in uses],
        "endpoints": [use.endpoint for use in uses],
        "keys": [use.key for use in uses],
        "fingerprints": [use.fingerprint for use in uses],
        "answers": [json.dumps(answer) for _, answer in wanted],
        "status": status,
    }
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_ALL, values)
        return {key for (key,) in cursor.fetchall()}


def recall(uses: Iterable[Use]) -> dict[str, Mapping[str, Any] | Problem]:
    """What was answered before under the keys of these uses, of one endpoint, or the Problem 422
    that the body was another; keys that were never used are missing. One statement."""
    asked = {use.key: use for use in uses}
    if not asked:
        return {}
    values = next(iter(asked.values())).scope | {"keys": list(asked)}
    with connection.cursor() as cursor:
        cursor.execute(_LOOK_ALL, values)
        rows = cursor.fetchall()
    found: dict[str, Mapping[str, Any] | Problem] = {}
    for key, fingerprint, kept in rows:
        try:
            found[key] = _answered(asked[key], bytes(fingerprint), kept)
        except Problem as problem:
            found[key] = problem
    return found


def _answered(use: Use, fingerprint: bytes, kept: Any) -> Mapping[str, Any]:
    if fingerprint != use.fingerprint:
        raise Problem.of("idempotency_mismatch")
    return json.loads(kept) if isinstance(kept, str) else dict(kept)


_KEEP = """
    UPDATE idempotency_key SET answer = %(answer)s::jsonb
    WHERE service_id = %(service)s AND test = %(test)s AND endpoint = %(endpoint)s AND key = %(key)s
"""


def keep(use: Use, answer: str) -> None:
    """Replace the answer that was taken with by this one, as JSON, in the same transaction."""
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, use.scope | {"answer": answer})
