"""Accept: from a request to rows, in one transaction; 202 only after it has committed.

Everything that can be refused is refused before the first statement that writes.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from delivery import channels
from notifications import nudges
from notifications.catalog import checks, types
from notifications.catalog.types import CatalogType
from notifications.intake.request import Addressee, SendRequest
from notifications.planning.readers import DATA
from notifications.services import idempotency
from notifications.services.authentication import Caller
from notifications.words import Lane, Priority, Status
from notifysite.plumbing import ids
from notifysite.plumbing.faults import Fault
from notifysite.plumbing.problems import Problem
from preferences import people
from preferences.people import Person

MOST_DATA_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The answer: one notification for each recipient, in the request's order."""

    request_id: UUID
    notifications: tuple[tuple[UUID, str], ...]  # (id, user_id)
    replayed: bool = False


def accept(request: SendRequest, *, caller: Caller, use: idempotency.Use | None = None) -> Accepted:
    """Take a request. Raises Problem; then nothing at all was written."""
    kind = _known_type(request.type)
    now = datetime.now(UTC)
    terms = _Terms.of(request, kind, now=now)
    letters = [(one, _data_for(one, request, terms)) for one in request.to]
    minted = _mint(request)
    with transaction.atomic():
        if use and (before := idempotency.take(use, status=202, answer=_kept(minted))):
            return _again(before, request)
        found = people.upsert(_wanted(request, caller), now=now)
        by_user = {person.user_id: person for person in found}
        actor = by_user[request.actor.user_id].id if request.actor else None
        rows = [
            _Row(id_, by_user[one.wanted.user_id], data)
            for id_, (one, data) in zip(minted.ids, letters, strict=True)
        ]
        _insert(rows, terms, caller=caller, request_id=minted.request_id, actor=actor)
        transaction.on_commit(partial(nudges.nudge, terms.lane), robust=True)
    users = (one.wanted.user_id for one in request.to)
    return Accepted(
        request_id=minted.request_id, notifications=tuple(zip(minted.ids, users, strict=True))
    )


def _known_type(key: str) -> CatalogType:
    kind = types.by_key(key)
    if kind is None:
        raise Problem.of(
            "unknown_type", faults=[Fault("/type", "unknown_type", f"No type {key!r}.")]
        )
    return kind


@dataclass(frozen=True, slots=True, kw_only=True)
class _Terms:
    """What is the same for every recipient of a request."""

    kind: CatalogType
    priority: Priority
    lane: Lane
    asked: frozenset[int]
    only: frozenset[int] | None
    send_at: datetime | None
    expires_at: datetime | None
    due_at: datetime
    locale: str
    cancellation_key: str | None

    @classmethod
    def of(cls, request: SendRequest, kind: CatalogType, *, now: datetime) -> "_Terms":
        priority = _priority(request, kind)
        start = max(request.send_at or now, now)
        return cls(
            kind=kind,
            priority=priority,
            lane=lane_of(priority, marketing=kind.marketing),
            asked=_channels(request, kind),
            only=request.channels,
            send_at=request.send_at,
            expires_at=_expiry(request, kind, start=start),
            due_at=start,
            locale=request.locale,
            cancellation_key=request.cancellation_key,
        )


def lane_of(priority: Priority, *, marketing: bool) -> Lane:
    """Marketing never rides the critical lane."""
    if marketing or priority is Priority.LOW:
        return Lane.BULK
    return Lane.CRITICAL if priority is Priority.CRITICAL else Lane.DEFAULT


def _priority(request: SendRequest, kind: CatalogType) -> Priority:
    asked = request.priority or kind.priority
    if asked < kind.priority:
        detail = (
            f"{kind.key} has priority {kind.priority.name.lower()}; a request may only lower it."
        )
        raise Problem.of("priority_raised", faults=[Fault("/priority", "priority_raised", detail)])
    return asked


def _channels(request: SendRequest, kind: CatalogType) -> frozenset[int]:
    there = kind.channels()
    if request.channels is None:
        return there
    if beyond := request.channels - there:
        detail = (
            f"{kind.key} has no step for {', '.join(channels.keys(sorted(beyond)))}; "
            f"it has: {', '.join(channels.keys(sorted(there))) or 'none'}."
        )
        fault = Fault("/channels", "channel_without_step", detail)
        raise Problem.of("channel_without_step", faults=[fault])
    return request.channels


def _expiry(request: SendRequest, kind: CatalogType, *, start: datetime) -> datetime | None:
    by_type = start + timedelta(seconds=kind.ttl_seconds) if kind.ttl_seconds else None
    expires_at = min(filter(None, (request.expires_at, by_type)), default=None)
    if expires_at and expires_at <= start:
        detail = (
            "It would expire before it may leave; give a later expires_at or an earlier send_at."
        )
        raise Problem.of(
            "expired_already", faults=[Fault("/expires_at", "expired_already", detail)]
        )
    return expires_at


def _data_for(one: Addressee, request: SendRequest, terms: _Terms) -> bytes:
    """The data of one recipient as JSON, checked against the type and its words."""
    data = {**request.data, **one.data}
    plain = json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode()
    if len(plain) > MOST_DATA_BYTES:
        fault = Fault("/data", "too_large", f"{len(plain):,} bytes; at most {MOST_DATA_BYTES:,}.")
        raise Problem.of("data_invalid", faults=[fault])
    checks.check_data(data, terms.kind, channels=terms.asked)
    return plain


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


def _wanted(request: SendRequest, caller: Caller) -> list[Any]:
    wanted = [one.wanted for one in request.to]
    return wanted + ([request.actor] if request.actor else [])


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
        %(channels)s::smallint[], %(locale)s, %(cancellation_key)s, %(send_at)s, %(expires_at)s,
        GREATEST(%(due_at)s, clock_timestamp())
    FROM unnest(%(ids)s::uuid[], %(recipients)s::bigint[], %(datas)s::bytea[])
        AS u(id, recipient_id, data)
"""  # noqa: S608


def _insert(
    rows: Sequence[_Row], terms: _Terms, *, caller: Caller, request_id: UUID, actor: int | None
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
                "expires_at": terms.expires_at,
                "due_at": terms.due_at,
            },
        )
