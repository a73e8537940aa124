"""Requests for many people: a topic's, or a long list's. They are kept as audiences, and become
notifications later, a chunk at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Self
from uuid import UUID

from django.db import connection

from notifications.audiences import data
from notifications.catalog.types import CatalogType
from notifications.intake import attaching
from notifications.intake.attaching import NONE, File
from notifications.intake.request import SendRequest
from notifications.intake.terms import Terms
from notifications.planning.readers import DATA
from notifications.services.authentication import Caller
from notifications.words import AudienceKind, AudienceStatus, Lane
from notifysite.plumbing import ids
from notifysite.plumbing.compactjson import compact
from notifysite.plumbing.faults import Fault
from notifysite.plumbing.problems import Problem
from notifysite.plumbing.statements import array
from preferences.known import Known
from preferences.topics import Size

# However urgent: so many must not stand before somebody's one-time code.
LANE = Lane.BULK


class AcceptedAudience(NamedTuple):
    """The answer to a request for many: whom it is for, and about how many they are."""

    request_id: UUID
    topic: str | None  # its key; None for a list
    estimated: int
    replayed: bool = False

    @classmethod
    def mint(cls, request: SendRequest, sizes: Mapping[str, Size]) -> Self:
        """A new id; `sizes` are the topics there are, by key."""
        size = sizes.get(request.topic) if request.topic is not None else None
        return cls(
            request_id=ids.uuid7(),
            topic=request.topic,
            estimated=size.estimated if size else len(request.to),
        )

    @classmethod
    def again(cls, kept: Mapping[str, Any], request: SendRequest) -> Self:
        """The first answer, word for word, to the very same body."""
        return cls(
            request_id=UUID(kept["request_id"]),
            topic=request.topic,
            estimated=kept["estimated"],
            replayed=True,
        )

    def kept(self) -> Mapping[str, Any]:
        """What an idempotency key keeps of it."""
        return {"request_id": str(self.request_id), "estimated": self.estimated}

    @property
    def kind(self) -> AudienceKind:
        """A topic or a list."""
        return AudienceKind.LIST if self.topic is None else AudienceKind.TOPIC


@dataclass(frozen=True, slots=True)
class AudienceDraft:
    """A request for many whose terms hold. `own`: of each person of a list, what is theirs alone,
    as JSON."""

    request: SendRequest
    accepted: AcceptedAudience
    terms: Terms
    topic_id: int | None
    own: tuple[bytes | None, ...]

    @classmethod
    def of(
        cls,
        request: SendRequest,
        accepted: AcceptedAudience,
        *,
        kinds: Mapping[str, CatalogType],
        sizes: Mapping[str, Size],
        now: datetime,
        files: Mapping[UUID, File] = NONE,
    ) -> Self:
        """Raises Problem for what the type does not allow, and for a topic there is not."""
        attaching.check(request, files)
        terms = Terms.of(request, kinds=kinds, now=now)
        topic_id = None if request.topic is None else _known_topic(request.topic, sizes)
        # What all have in common is looked at once, unless everybody has something to add.
        if not request.to or any(not one.data for one in request.to):
            terms.checked(request.data)
        for one in request.to:
            if one.data:
                terms.data_for(one, request)
        own = tuple(_plain(one.data) if one.data else None for one in request.to)
        return cls(request, accepted, terms, topic_id, own)


def _known_topic(key: str, sizes: Mapping[str, Size]) -> int:
    if key not in sizes:
        fault = Fault("/to/topic", "unknown_topic", f"No topic {key!r}.")
        raise Problem.of("unknown_topic", faults=[fault])
    return sizes[key].id


def _plain(data: Mapping[str, Any]) -> bytes:
    return compact(data).encode()


# They live as long as their type says from now on, or from when they may be sent: making them
# later gives nobody a later end.
_INSERT = f"""
    INSERT INTO audience (request_id, service_id, key_id, actor_id, type_id, mode, priority, lane,
        channels, attachments, locale, cancellation_key, send_at, expires_at, kind, topic_id,
        topic_key, estimated, status, due_at, secret, data_key, data)
    SELECT r.request_id, %(service_id)s, %(key_id)s, r.actor_id, r.type_id, %(mode)s, r.priority,
        {LANE:d}, r.channels::smallint[], r.attachments::uuid[], r.locale, r.cancellation_key,
        r.send_at,
        LEAST(r.asked_expiry,
            GREATEST(r.send_at, clock_timestamp()) + r.ttl * interval '1 second'),
        r.kind, r.topic_id, r.topic_key, r.estimated, {AudienceStatus.ACCEPTED:d},
        GREATEST(r.send_at, clock_timestamp()), r.secret, r.data_key, r.data
    FROM unnest(%(request_ids)s::uuid[], %(actors)s::bigint[], %(types)s::bigint[],
            %(priorities)s::smallint[], %(channels)s::text[], %(files)s::text[],
            %(locales)s::text[], %(cancellation_keys)s::text[], %(send_ats)s::timestamptz[],
            %(asked_expiries)s::timestamptz[], %(ttls)s::int[], %(kinds)s::smallint[],
            %(topics)s::bigint[], %(topic_keys)s::text[], %(sizes)s::bigint[], %(secrets)s::bool[],
            %(data_keys)s::bytea[], %(datas)s::bytea[])
        AS r(request_id, actor_id, type_id, priority, channels, attachments, locale,
            cancellation_key, send_at, asked_expiry, ttl, kind, topic_id, topic_key, estimated,
            secret, data_key, data)
    RETURNING request_id, id
"""  # noqa: S608 - words of ours as numbers
_MEMBERS = """
    INSERT INTO audience_member (audience_id, recipient_id, data)
    SELECT %s, m.recipient_id, m.data
    FROM unnest(%s::bigint[], %s::bytea[]) AS m(recipient_id, data)
    ORDER BY m.recipient_id
"""


def insert(drafts: Sequence[AudienceDraft], found: Mapping[str, Known], *, caller: Caller) -> None:
    """Write the audiences of all drafts and the people of their lists, in the caller's
    transaction."""
    if not drafts:
        return
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, _values(drafts, found, caller))
        made = dict(cursor.fetchall())
        for draft in drafts:
            if draft.own:
                members = _members(draft, found)
                cursor.execute(_MEMBERS, [made[draft.accepted.request_id], *members])


def _values(
    drafts: Sequence[AudienceDraft], found: Mapping[str, Known], caller: Caller
) -> dict[str, Any]:
    terms = [draft.terms for draft in drafts]
    actors = [draft.request.actor for draft in drafts]
    sealed = [data.sealed(draft.request.data) for draft in drafts]
    return {
        "service_id": caller.service_id,
        "key_id": caller.key_id,
        "mode": int(caller.mode),
        "request_ids": [draft.accepted.request_id for draft in drafts],
        "actors": [actor and found[actor.user_id].id for actor in actors],
        "types": [one.kind.id for one in terms],
        "priorities": [int(one.priority) for one in terms],
        "channels": [None if one.only is None else array(one.only) for one in terms],
        "files": [array(one.attachments) if one.attachments else None for one in terms],
        "locales": [one.locale for one in terms],
        "cancellation_keys": [one.cancellation_key for one in terms],
        "send_ats": [one.send_at for one in terms],
        "asked_expiries": [one.asked_expiry for one in terms],
        "ttls": [one.kind.ttl_seconds or None for one in terms],
        "kinds": [int(draft.accepted.kind) for draft in drafts],
        "topics": [draft.topic_id for draft in drafts],
        "topic_keys": [draft.request.topic or "" for draft in drafts],
        "sizes": [draft.accepted.estimated for draft in drafts],
        "secrets": [one.kind.sensitive for one in terms],
        "data_keys": [wrapped for wrapped, _ in sealed],
        "datas": [data for _, data in sealed],
    }


def _members(draft: AudienceDraft, found: Mapping[str, Known]) -> list[list[Any]]:
    people = [found[one.wanted.user_id] for one in draft.request.to]
    return [
        [person.id for person in people],
        [
            None if plain is None else person.key.encrypt(plain, context=DATA)
            for person, plain in zip(people, draft.own, strict=True)
        ],
    ]
