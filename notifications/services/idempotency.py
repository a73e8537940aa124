"""Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): the same request, once.

The key's row is written in the transaction of what the request does, before it does it: whoever
comes second waits for nobody, and finds the first one's answer or that it is still running.
"""

import hashlib
import json
from collections.abc import Mapping
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
    values: dict[str, Any] = {
        "service": use.service_id,
        "test": use.test,
        "endpoint": use.endpoint,
        "key": use.key,
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
    if bytes(fingerprint) != use.fingerprint:
        raise Problem.of("idempotency_mismatch")
    return json.loads(kept) if isinstance(kept, str) else dict(kept)
