"""Drafts: requests that were found good, and their rows, written in one statement for all."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, Self
from uuid import UUID

from django.db import connection

from notifications.catalog.types import CatalogType
from notifications.intake.request import Addressee, SendRequest
from notifications.intake.terms import Terms
from notifications.planning.readers import DATA
from notifications.services.authentication import Caller
from notifications.words import Mode, Status
from notifysite.plumbing import ids
from preferences.models import Recipient
from preferences.people import Person
from preferences.wanted import Wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The answer: one notification for each recipient, in the request's order."""

    request_id: UUID
    notifications: tuple[tuple[UUID, str], ...]  # (id, user_id)
    replayed: bool = False

    @classmethod
    def mint(cls, request: SendRequest) -> Self:
        """New ids for a request and its notifications, all of the same millisecond."""
        request_id = ids.uuid7()
        users = (one.wanted.user_id for one in request.to)
        return cls(
            request_id=request_id,
            notifications=tuple((ids.sibling(request_id), user_id) for user_id in users),
        )

    @classmethod
    def again(cls, kept: Mapping[str, Any], request: SendRequest) -> Self:
        """The first answer, word for word: its ids, and the people of the very same body."""
        users = (one.wanted.user_id for one in request.to)
        found = zip((UUID(id_) for id_ in kept["ids"]), users, strict=True)
        return cls(request_id=UUID(kept["request_id"]), notifications=tuple(found), replayed=True)

    def kept(self) -> Mapping[str, Any]:
        """What an idempotency key keeps of it."""
        return {
            "request_id": str(self.request_id),
            "ids": [str(id_) for id_, _ in self.notifications],
        }


@dataclass(frozen=True, slots=True)
class Draft:
    """A request whose terms hold: what will be written once its people are known."""

    request: SendRequest
    accepted: Accepted
    terms: Terms
    letters: tuple[tuple[Addressee, bytes], ...]  # each recipient, and their data as JSON

    @classmethod
    def of(
        cls,
        request: SendRequest,
        accepted: Accepted,
        *,
        kinds: Mapping[str, CatalogType],
        now: datetime,
    ) -> Self:
        """`kinds` are the types there are, by key. Raises Problem for what the type does not
        allow."""
        terms = Terms.of(request, kinds=kinds, now=now)
        letters = tuple((one, terms.data_for(one, request)) for one in request.to)
        return cls(request, accepted, terms, letters)


class Asked(Protocol):
    """What came of a request that names people."""

    @property
    def request(self) -> SendRequest:
        """As it was read."""


def wanted(drafts: Iterable[Asked], *, caller: Caller) -> list[Wanted]:
    """Everybody whom the drafts name, as the caller may have them."""
    named = [one for draft in drafts for one in draft.request.people()]
    return _unchanged(named) if caller.mode is Mode.TEST else named


def _unchanged(named: Sequence[Wanted]) -> list[Wanted]:
    """A test key makes people it needs, and never changes those there are."""
    users = [one.user_id for one in named]
    known = set(Recipient.objects.filter(user_id__in=users).values_list("user_id", flat=True))
    return [Wanted(user_id=one.user_id) if one.user_id in known else one for one in named]


_INSERT = f"""
    INSERT INTO notification (id, recipient_id, data, request_id, service_id, key_id, actor_id,
        type_id, mode, priority, lane, status, channels, locale, cancellation_key, send_at,
        expires_at, due_at)
    SELECT n.id, n.recipient_id, n.data, r.request_id, %(service_id)s, %(key_id)s, r.actor_id,
        r.type_id, %(mode)s, r.priority, r.lane, {Status.ACCEPTED:d}, r.channels::smallint[],
        r.locale, r.cancellation_key, r.send_at,
        LEAST(r.asked_expiry,
            GREATEST(r.send_at, clock_timestamp()) + r.ttl * interval '1 second'),
        GREATEST(r.send_at, clock_timestamp())
    FROM unnest(%(ids)s::uuid[], %(recipients)s::bigint[], %(datas)s::bytea[], %(numbers)s::int[])
        AS n(id, recipient_id, data, number)
    JOIN unnest(%(request_ids)s::uuid[], %(actors)s::bigint[], %(types)s::bigint[],
            %(priorities)s::smallint[], %(lanes)s::smallint[], %(channels)s::text[],
            %(locales)s::text[], %(cancellation_keys)s::text[], %(send_ats)s::timestamptz[],
            %(asked_expiries)s::timestamptz[], %(ttls)s::int[])
        WITH ORDINALITY AS r(request_id, actor_id, type_id, priority, lane, channels, locale,
            cancellation_key, send_at, asked_expiry, ttl, number) USING (number)
"""  # noqa: S608


def insert(drafts: Sequence[Draft], found: Iterable[Person], *, caller: Caller) -> None:
    """Write the notifications of all drafts, in the caller's transaction."""
    by_user = {person.user_id: person for person in found}
    rows = [
        (id_, by_user[user_id], data, number)
        for number, draft in enumerate(drafts, 1)
        for (id_, user_id), (_, data) in zip(
            draft.accepted.notifications, draft.letters, strict=True
        )
    ]
    terms = [draft.terms for draft in drafts]
    actors = [draft.request.actor for draft in drafts]
    with connection.cursor() as cursor:
        cursor.execute(
            _INSERT,
            {
                "service_id": caller.service_id,
                "key_id": caller.key_id,
                "mode": int(caller.mode),
                "ids": [id_ for id_, *_ in rows],
                "recipients": [person.id for _, person, *_ in rows],
                "datas": [person.key.encrypt(data, context=DATA) for _, person, data, _ in rows],
                "numbers": [number for *_, number in rows],
                "request_ids": [draft.accepted.request_id for draft in drafts],
                "actors": [actor and by_user[actor.user_id].id for actor in actors],
                "types": [one.kind.id for one in terms],
                "priorities": [int(one.priority) for one in terms],
                "lanes": [int(one.lane) for one in terms],
                "channels": [array(one.only) for one in terms],
                "locales": [one.locale for one in terms],
                "cancellation_keys": [one.cancellation_key for one in terms],
                "send_ats": [one.send_at for one in terms],
                "asked_expiries": [one.asked_expiry for one in terms],
                "ttls": [one.kind.ttl_seconds or None for one in terms],
            },
        )


def array(numbers: frozenset[int] | None) -> str | None:
    """Numbers as PostgreSQL writes an array of them."""
    # As text, because an array of arrays would be unnested to its last level.
    return None if numbers is None else f"{{{','.join(map(str, sorted(numbers)))}}}"
