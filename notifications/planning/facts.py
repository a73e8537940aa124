"""Gather what a decision depends on: a constant number of queries for any batch."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from django.db import connection
from django.utils.dateparse import parse_datetime

from delivery import channels, routing
from delivery.lifecycle import Reason, State
from notifications.audiences import data
from notifications.audiences.data import Common
from notifications.catalog import types
from notifications.catalog.kinds import EXPRESSION
from notifications.catalog.types import CatalogType
from notifications.models import Decision, Guest
from notifications.planning import membership, readers
from notifications.planning.decision import (
    AddressFacts,
    Does,
    Facts,
    Past,
    StepDecision,
)
from notifications.planning.membership import ALONE, Membership
from notifications.planning.person import person_facts
from notifications.planning.readers import Reader
from notifications.words import Mode, Priority
from notifysite.plumbing.crypto import CryptoError
from notifysite.plumbing.partitions import WITHIN, span
from notifysite.plumbing.statements import Statement
from preferences import wishes
from preferences.wishes import Wishes

log = structlog.get_logger(__name__)


class Due(NamedTuple):
    """A notification that is to be decided, in the order its statements return it."""

    id: UUID
    service_id: int
    key_id: int
    recipient_id: int
    actor_id: int | None
    type_id: int
    decision_id: int | None
    mode: int
    priority: int
    lane: int
    status: int
    channels: Sequence[int] | None
    locale: str
    data: bytes | None
    send_at: datetime | None
    expires_at: datetime | None
    created_at: datetime
    audience_id: int | None = None
    attachments: Sequence[UUID] | None = None


COLUMNS = Due._fields


class Case(NamedTuple):
    """One notification with all that concerns it."""

    due: Due
    type: CatalogType
    wishes: Wishes
    addresses: tuple[AddressFacts, ...]
    facts: Facts

    @property
    def start(self) -> datetime:
        """When its first step may leave."""
        return self.facts.start


def gather(
    due: Sequence[Due], *, now: datetime, catalog: Mapping[int, CatalogType] | None = None
) -> list[Case]:
    """All facts of a batch, in as many queries whatever its size. `catalog`: the types, where they
    are at hand."""
    if catalog is None:
        catalog = types.load({one.type_id for one in due})
    people = wishes.load(sorted({one.recipient_id for one in due}))
    there, live_keys = _reachable(list(people), keys={one.key_id for one in due})
    wordy = {one.id for one in catalog.values() if _asks_data(one)}
    shared = _Shared(
        now=now,
        past=_past([one for one in due if one.decision_id]),
        guests=_guests([one for one in due if one.mode == Mode.TEAM]),
        live_keys=live_keys,
        readers=readers.load({one.recipient_id for one in due if one.type_id in wordy}),
        providers={mode: providers(mode) for mode in {one.mode for one in due}},
        kinds={mode: kinds(mode) for mode in {one.mode for one in due}},
        members=membership.load(
            [(one.id, one.audience_id, one.recipient_id) for one in due if one.audience_id]
        ),
        common=data.load(one.audience_id for one in due if one.type_id in wordy),
    )
    return [
        _case(one, catalog[one.type_id], people[one.recipient_id], there, shared) for one in due
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shared:
    now: datetime
    past: Mapping[UUID, Mapping[int, Past]] = field(default_factory=dict)
    guests: frozenset[tuple[int, str]] = frozenset()
    live_keys: frozenset[int] = frozenset()
    readers: Mapping[int, Reader] = field(default_factory=dict)
    providers: Mapping[int, frozenset[int]] = field(default_factory=dict)
    kinds: Mapping[int, Mapping[int, frozenset[str]]] = field(default_factory=dict)
    members: Mapping[UUID, Membership] = field(default_factory=dict)
    common: Mapping[int | None, Common] = field(default_factory=dict)


def _asks_data(kind: CatalogType) -> bool:
    return any(step.condition == EXPRESSION for step in kind.facts.steps)


def _case(
    due: Due,
    kind: CatalogType,
    person: Wishes,
    addresses: Mapping[int, tuple[AddressFacts, ...]],
    shared: _Shared,
) -> Case:
    mine = addresses.get(due.recipient_id, ())
    guest = due.mode != Mode.TEAM or (due.service_id, person.user_id) in shared.guests
    member = shared.members.get(due.id, ALONE)
    facts = Facts(
        now=shared.now,
        # A time to send that had passed already meant "now".
        start=max(due.send_at, due.created_at) if due.send_at else due.created_at,
        expires_at=due.expires_at,
        priority=Priority(due.priority),
        only_channels=None if due.channels is None else frozenset(due.channels),
        providers=shared.providers[due.mode],
        kinds=shared.kinds[due.mode],
        key_live=due.key_id in shared.live_keys,
        withdrawn=member.withdrawn,
        subscribed=member.subscribed,
        type=kind.facts,
        person=person_facts(
            person,
            kind.category,
            mine,
            now=shared.now,
            guest=guest,
            variables=_variables(due, shared),
        ),
        past=shared.past.get(due.id, {}),
    )
    return Case(due, kind, person, mine, facts)


def _variables(due: Due, shared: _Shared) -> Mapping[str, Any]:
    """What an expression may look at; of what nobody can read nothing is true."""
    reader = shared.readers.get(due.recipient_id)
    if reader is None:
        return {}
    try:
        said = shared.common.get(due.audience_id, data.NOTHING).data
        return reader.variables(due.data, locale=due.locale, common=said)
    except CryptoError as error:
        log.error("data_unreadable", notification=str(due.id), error=type(error).__name__)
        return {}


def providers(mode: int) -> frozenset[int]:
    """The channels that have a provider, for a mode of key."""
    return frozenset(
        spec.number for spec in channels.every() if routing.aliases(spec.number, mode=mode)
    )


def kinds(mode: int) -> Mapping[int, frozenset[str]]:
    """Of channels where nobody takes addresses of all kinds, those that somebody takes."""
    found = {
        spec.number: routing.kinds(spec.number, mode=mode)
        for spec in channels.every()
        if spec.kinds
    }
    return {number: taken for number, taken in found.items() if taken is not None}


# One statement, because for one person a question costs more than its answer: the addresses, then
# the keys that are live.
_REACHABLE = Statement("""
    (SELECT a.recipient_id, a.id, a.channel, a.hash, s.id IS NOT NULL, a.kind
    FROM address AS a LEFT JOIN suppression AS s
        ON s.channel = a.channel AND s.address_hash = a.hash
        AND (s.expires_at IS NULL OR s.expires_at > clock_timestamp())
    WHERE a.recipient_id = ANY(%(ids)s::bigint[]) AND a.retired_at IS NULL
    ORDER BY a.recipient_id, a.id)
    UNION ALL SELECT NULL, k.id, NULL, NULL, NULL, NULL
    FROM api_key AS k JOIN service AS v ON v.id = k.service_id
    WHERE k.id = ANY(%(keys)s::bigint[]) AND k.revoked_at IS NULL AND v.active
""")


def addresses(recipients: list[int]) -> dict[int, tuple[AddressFacts, ...]]:
    """Current addresses of people, and which must not be used."""
    there, _ = _reachable(recipients, keys=())
    return there


def _reachable(
    recipients: list[int], *, keys: Collection[int]
) -> tuple[dict[int, tuple[AddressFacts, ...]], frozenset[int]]:
    """The addresses, and those of the keys that are live."""
    found: dict[int, list[AddressFacts]] = {}
    live: set[int] = set()
    with connection.cursor() as cursor:
        _REACHABLE.run(cursor, ids=recipients, keys=list(keys))
        for recipient, id_, *values in cursor.fetchall():
            if recipient is None:
                live.add(id_)
            else:
                found.setdefault(recipient, []).append(AddressFacts(id_, *values))
    return {recipient: tuple(rows) for recipient, rows in found.items()}, frozenset(live)


_STANDING = f"""
    SELECT d.notification_id, d.step, d.state, e.seen_at IS NOT NULL OR e.opened_at IS NOT NULL
    FROM delivery AS d LEFT JOIN delivery_engagement AS e
        ON e.id = d.id AND {WITHIN.format(id="e.id")}
    WHERE d.notification_id = ANY(%(ids)s::uuid[]) AND {WITHIN.format(id="d.id")}
"""  # noqa: S608


def _past(due: Sequence[Due]) -> dict[UUID, dict[int, Past]]:
    """What was decided before, and how the deliveries that came of it stand."""
    if not due:
        return {}
    bodies = dict(
        Decision.objects.filter(id__in={one.decision_id for one in due}).values_list("id", "body")
    )
    standing: dict[tuple[UUID, int], list[tuple[State, bool]]] = {}
    with connection.cursor() as cursor:
        found = [one.id for one in due]
        cursor.execute(_STANDING, {"ids": found, **span(found)})
        for notification, step, state, seen in cursor.fetchall():
            standing.setdefault((notification, step), []).append((State(state), seen))
    return {
        one.id: {
            entry["step"]: _past_step(entry, standing.get((one.id, entry["step"]), []))
            for entry in bodies[one.decision_id or 0]
        }
        for one in due
    }


def _past_step(entry: Mapping[str, Any], rows: Sequence[tuple[State, bool]]) -> Past:
    return Past(
        decision=read_step(entry),
        states=tuple(state for state, _ in rows),
        seen=any(seen for _, seen in rows),
    )


def write_step(step: StepDecision) -> dict[str, Any]:
    """A step's decision as it is recorded, and as the API shows it."""
    return {
        "step": step.step,
        "channel": channels.by_number(step.channel).key if step.channel else channels.PREFERRED_KEY,
        "outcome": step.outcome.value,
        "reason": step.reason.name.lower() if step.reason else None,
        "until": step.until.isoformat().replace("+00:00", "Z") if step.until else None,
        "source": str(step.source),
    }


def read_step(entry: Mapping[str, Any]) -> StepDecision:
    """The other way."""
    word = entry["channel"]
    return StepDecision(
        step=entry["step"],
        channel=channels.PREFERRED
        if word == channels.PREFERRED_KEY
        else channels.by_key(word).number,
        outcome=Does(entry["outcome"]),
        reason=Reason[entry["reason"].upper()] if entry["reason"] else None,
        until=parse_datetime(entry["until"]) if entry["until"] else None,
        source=entry["source"],
    )


def _guests(due: Sequence[Due]) -> frozenset[tuple[int, str]]:
    if not due:
        return frozenset()
    services = {one.service_id for one in due}
    return frozenset(
        Guest.objects.filter(service_id__in=services).values_list("service_id", "user_id")
    )
