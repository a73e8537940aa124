"""The audit trail: who did what to what, append-only, written with the deed it records."""

import json
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db import connection

_INSERT = """
    INSERT INTO audit_entry (actor, action, target, subject, detail)
    VALUES (%s, %s, %s, %s, %s::jsonb)
"""


def record(
    *,
    actor: str,
    action: str,
    target: str,
    subject: UUID | None = None,
    detail: dict[str, Any] | None = None,
) -> None:
    """Write one entry in the current transaction, so that deed and entry stay or go together.

    `actor` is who did it ("key:ntf_ab12", "admin:7", "system"), `action` a verb with its noun
    ("suppression.lifted"), `target` what it was done to ("suppression:42"), `subject` the opaque
    id of the person concerned. `detail` must be JSON and must not hold anything about a person.
    """
    values = [actor, action, target, subject, json.dumps(detail or {}, allow_nan=False)]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, values)


_INSERT_ALL = """
    INSERT INTO audit_entry (actor, action, target, subject, detail)
    SELECT %s, %s, target, subject, %s::jsonb
    FROM unnest(%s::text[], %s::uuid[]) AS u(target, subject)
"""


def record_all(
    *,
    actor: str,
    action: str,
    targets: Iterable[str],
    subjects: Iterable[UUID] = (),
    detail: dict[str, Any] | None = None,
) -> None:
    """The same for one act on many targets, with one statement.

    `subjects` are in the order of the targets; none at all where nobody in particular is concerned.
    """
    said = json.dumps(detail or {}, allow_nan=False)
    # Of two lists the shorter one is filled up with nulls.
    values: list[Any] = [actor, action, said, list(targets), list(subjects)]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT_ALL, values)
