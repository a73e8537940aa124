"""Drafts: requests that were found good, and their rows, written in one statement for all."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol, Self
from uuid import UUID

from django.db import connection

from notifications.catalog.types import CatalogType
from notifications.intake import attaching
from notifications.intake.attaching import NONE, File
from notifications.intake.request import Addressee, SendRequest
from notifications.intake.terms import Terms
from notifications.planning.readers import DATA
from notifications.services.authentication import Caller
from notifications.words import Mode, Status
from notifysite.plumbing import ids
from notifysite.plumbing.statements import Statement, array
from preferences.known import Known
from preferences.models import Recipient
from preferences.wanted import Wanted


class Accepted(NamedTuple):
    """The answer: one notification for each recipient, in the request's order."""

    request_id: UUID
    notifications: tuple[tuple[UUID, str], ...]  # (id, user_id)
    replayed: bool = False

    @classmethod
    def mint(cls, request: SendRequest) -> Self:
        """New ids for a request and its notifications, all of the same millisecond."""
        request_id = ids.uuid7()
        made = [(ids.sibling(request_id), one.wanted.user_id) for one in request.to]
        return cls(request_id, tuple(made))

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


class Draft(NamedTuple):
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
        files: Mapping[UUID, File] = NONE,
        given: dict[Any, Terms] | None = None,
    ) -> Self:
        """`kinds` are the types there are, by key; `files` the attachments they name; `given` keeps
        the terms of a call's requests, for those that ask the same. Raises Problem for what cannot
        be sent."""
        attaching.check(request, files)
        terms = _terms(request, {} if given is None else given, kinds=kinds, now=now)
        letters = [(one, terms.data_for(one, request)) for one in request.to]
        return cls(request, accepted, terms, tuple(letters))


def _terms(
    request: SendRequest,
    given: dict[Any, Terms],
    *,
    kinds: Mapping[str, CatalogType],
    now: datetime,
) -> Terms:
    asked = request.terms()
    terms = given.get(asked)
    if terms is None:
        terms = given[asked] = Terms.of(request, kinds=kinds, now=now)
    return terms


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


# What requests ask alike is said once. Channels and files come as text, because an array of arrays
# would be unnested to its last level; and a thousand rows are not looked up in a thousand one by
# one.
_INSERT = Statement(
    f"""
    INSERT INTO notification (id, recipient_id, data, request_id, service_id, key_id, actor_id,
        type_id, mode, priority, lane, status, channels, attachments, locale, cancellation_key,
        send_at, expires_at, due_at)
    SELECT n.id, n.recipient_id, n.data, n.request_id, %(service_id)s::bigint, %(key_id)s::bigint,
        n.actor_id, r.type_id, %(mode)s::smallint, r.priority, r.lane, {Status.ACCEPTED:d},
        r.channels::smallint[], r.attachments::uuid[], r.locale, r.cancellation_key, r.send_at,
        LEAST(r.asked_expiry,
            GREATEST(r.send_at, clock_timestamp()) + r.ttl * interval '1 second'),
        GREATEST(r.send_at, clock_timestamp())
    FROM unnest(%(ids)s::uuid[], %(request_ids)s::uuid[], %(recipients)s::bigint[],
            %(actors)s::bigint[], %(datas)s::bytea[], %(numbers)s::int[])
        AS n(id, request_id, recipient_id, actor_id, data, number)
    JOIN unnest(%(types)s::bigint[], %(priorities)s::smallint[], %(lanes)s::smallint[],
            %(channels)s::text[], %(files)s::text[], %(locales)s::text[],
            %(cancellation_keys)s::text[], %(send_ats)s::timestamptz[],
            %(asked_expiries)s::timestamptz[], %(ttls)s::int[])
        WITH ORDINALITY AS r(type_id, priority, lane, channels, attachments, locale,
            cancellation_key, send_at, asked_expiry, ttl, number) USING (number)
    """,  # noqa: S608
    first="SET LOCAL enable_nestloop = off; ",
)


def insert(drafts: Sequence[Draft], found: Mapping[str, Known], *, caller: Caller) -> None:
    """Write the notifications of all drafts, in the caller's transaction; `found` are their people,
    by user id."""
    terms = list({id(draft.terms): draft.terms for draft in drafts}.values())
    numbers = {id(one): number for number, one in enumerate(terms, 1)}
    rows = [row for draft in drafts for row in _rows(draft, found, numbers[id(draft.terms)])]
    ids, requests, recipients, actors, datas, places = zip(*rows, strict=True) if rows else [()] * 6
    with connection.cursor() as cursor:
        _INSERT.run(
            cursor,
            service_id=caller.service_id,
            key_id=caller.key_id,
            mode=int(caller.mode),
            ids=ids,
            request_ids=requests,
            recipients=recipients,
            actors=actors,
            datas=datas,
            numbers=places,
            types=[one.kind.id for one in terms],
            priorities=[int(one.priority) for one in terms],
            lanes=[int(one.lane) for one in terms],
            channels=[None if one.only is None else array(one.only) for one in terms],
            files=[array(one.attachments) if one.attachments else None for one in terms],
            locales=[one.locale for one in terms],
            cancellation_keys=[one.cancellation_key for one in terms],
            send_ats=[one.send_at for one in terms],
            asked_expiries=[one.asked_expiry for one in terms],
            ttls=[one.kind.ttl_seconds or None for one in terms],
        )


_Row = tuple[UUID, UUID, int, int | None, bytes, int]


def _rows(draft: Draft, found: Mapping[str, Known], number: int) -> Iterator[_Row]:
    """The rows of a draft: id, request, recipient, actor, encrypted data, and which terms."""
    actor = draft.request.actor
    by = found[actor.user_id].id if actor else None
    written = zip(draft.accepted.notifications, draft.letters, strict=True)
    for (id_, user_id), (_, data) in written:
        recipient, key = found[user_id]
        sealed = key.encrypt(data, context=DATA)
        yield id_, draft.accepted.request_id, recipient, by, sealed, number
