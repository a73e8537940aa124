"""Accept: from a request to rows, in one transaction; 202 only after it has committed.

What is refused leaves nothing behind: one transaction holds it all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from notifications import nudges
from notifications.intake.request import SendRequest
from notifications.intake.terms import Terms
from notifications.planning.readers import DATA
from notifications.services import idempotency
from notifications.services.authentication import Caller
from notifications.words import Mode, Status
from notifysite.plumbing import ids
from notifysite.plumbing.failpoints import reached
from preferences import people
from preferences.models import Recipient
from preferences.people import Person
from preferences.wanted import Wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The answer: one notification for each recipient, in the request's order."""

    request_id: UUID
    notifications: tuple[tuple[UUID, str], ...]  # (id, user_id)
    replayed: bool = False


def accept(request: SendRequest, *, caller: Caller, use: idempotency.Use | None = None) -> Accepted:
    """Take a request. Raises Problem; then nothing at all was written."""
    now = datetime.now(UTC)
    minted = _mint(request)
    with transaction.atomic():
        # First of all: a repeated request gets the first answer, whatever has changed since.
        if use and (before := idempotency.take(use, status=202, answer=_kept(minted))):
            return _again(before, request)
        terms = Terms.of(request, now=now)
        letters = [(one, terms.data_for(one, request)) for one in request.to]
        found = people.upsert(_wanted(request, caller), now=now)
        by_user = {person.user_id: person for person in found}
        actor = by_user[request.actor.user_id].id if request.actor else None
        rows = [
            _Row(id_, by_user[one.wanted.user_id], data)
            for id_, (one, data) in zip(minted.ids, letters, strict=True)
        ]
        _insert(rows, terms, caller=caller, request_id=minted.request_id, actor=actor)
        transaction.on_commit(partial(nudges.nudge, terms.lane), robust=True)
        reached("accept.before_commit")
    reached("accept.committed")
    users = (one.wanted.user_id for one in request.to)
    return Accepted(
        request_id=minted.request_id, notifications=tuple(zip(minted.ids, users, strict=True))
    )


@dataclass(frozen=True, slots=True)
class _Minted:
    request_id: UUID
    ids: tuple[UUID, ...]


def _mint(request: SendRequest) -> _Minted:
    request_id = ids.uuid7()
    return _Minted(request_id, tuple(ids.sibling(request_id) for _ in request.to))


def _kept(minted: _Minted) -> Mapping[str, Any]:
    return {"request_id": str(minted.request_id), "ids": [str(id_) for id_ in minted.ids]}


def _again(before: Mapping[str, Any], request: SendRequest) -> Accepted:
    """The first answer, word for word: its ids, and the people of the very same body."""
    users = (one.wanted.user_id for one in request.to)
    found = zip((UUID(id_) for id_ in before["ids"]), users, strict=True)
    return Accepted(
        request_id=UUID(before["request_id"]), notifications=tuple(found), replayed=True
    )


def _wanted(request: SendRequest, caller: Caller) -> list[Wanted]:
    wanted = [one.wanted for one in request.to]
    wanted += [request.actor] if request.actor else []
    return _unchanged(wanted) if caller.mode is Mode.TEST else wanted


def _unchanged(wanted: Sequence[Wanted]) -> list[Wanted]:
    """A test key makes people it needs, and never changes those there are."""
    users = [one.user_id for one in wanted]
    known = set(Recipient.objects.filter(user_id__in=users).values_list("user_id", flat=True))
    return [Wanted(user_id=one.user_id) if one.user_id in known else one for one in wanted]


@dataclass(frozen=True, slots=True)
class _Row:
    id: UUID
    person: Person
    data: bytes


_INSERT = f"""
    INSERT INTO notification (id, recipient_id, data, request_id, service_id, key_id, actor_id,
        type_id, mode, priority, lane, status, channels, locale, cancellation_key, send_at,
        expires_at, due_at)
    SELECT u.id, u.recipient_id, u.data, %(request_id)s, %(service_id)s, %(key_id)s, %(actor_id)s,
        %(type_id)s, %(mode)s, %(priority)s, %(lane)s, {Status.ACCEPTED:d},
        %(channels)s::smallint[], %(locale)s, %(cancellation_key)s, %(send_at)s,
        LEAST(%(asked_expiry)s::timestamptz,
            GREATEST(%(send_at)s, clock_timestamp()) + %(ttl)s::int * interval '1 second'),
        GREATEST(%(send_at)s, clock_timestamp())
    FROM unnest(%(ids)s::uuid[], %(recipients)s::bigint[], %(datas)s::bytea[])
        AS u(id, recipient_id, data)
"""  # noqa: S608


def _insert(
    rows: Sequence[_Row], terms: Terms, *, caller: Caller, request_id: UUID, actor: int | None
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            _INSERT,
            {
                "ids": [row.id for row in rows],
                "recipients": [row.person.id for row in rows],
                "datas": [row.person.key.encrypt(row.data, context=DATA) for row in rows],
                "request_id": request_id,
                "service_id": caller.service_id,
                "key_id": caller.key_id,
                "actor_id": actor,
                "type_id": terms.kind.id,
                "mode": int(caller.mode),
                "priority": int(terms.priority),
                "lane": int(terms.lane),
                "channels": None if terms.only is None else sorted(terms.only),
                "locale": terms.locale,
                "cancellation_key": terms.cancellation_key,
                "send_at": terms.send_at,
                "asked_expiry": terms.asked_expiry,
                "ttl": terms.kind.ttl_seconds or None,
            },
        )
