"""Many dead letters at once: each is sent again once and none in a burst, whatever dies."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from delivery.lifecycle import Reason, State
from delivery.models import AuditEntry, Delivery, Pace
from notifications import replaying
from notifications.models import Notification
from notifications.replaying import Filter
from notifications.services.authentication import Caller
from notifications.words import Lane, Mode, Status
from notifysite.plumbing import ids
from tests import factories
from tests.e2e.processes import process
from tests.fakes import sealing
from tests.fakes.scripted import Ledger

pytestmark = pytest.mark.django_db
real_transactions = pytest.mark.django_db(transaction=True)
OPERATOR = Caller(
    service_id=0,
    service_key="",
    operator="admin:1",
    key_id=0,
    mode=Mode.LIVE,
    scopes=frozenset({"read:all"}),
)
Run = Callable[[], int]


@pytest.fixture
def dead(settings: Any) -> Callable[..., list[UUID]]:
    """Dead letters in a row, of one person; a seal that always has something to say."""
    settings.DELIVERY_SEAL = "tests.fakes.sealing.seal"
    sealing.ANSWERS.clear()
    key, person = factories.make_key().key, factories.make_recipient("ann")
    kind = factories.make_type(steps=[{"channel": "email"}])

    def make(count: int, **values: Any) -> list[UUID]:
        said = Notification.objects.bulk_create(
            Notification(
                id=(id_ := ids.uuid7()),
                request_id=id_,
                service_id=key.service_id,
                key_id=key.pk,
                recipient_id=person.pk,
                type_id=kind.pk,
                mode=Mode.LIVE,
                priority=3,
                lane=Lane.DEFAULT,
                status=Status.DONE,
            )
            for _ in range(count)
        )
        rows = Delivery.objects.bulk_create(_dead(one, **values) for one in said)
        return sorted(row.id for row in rows)

    return make


def _dead(notification: Notification, **values: Any) -> Delivery:
    now = datetime.now(UTC)
    return Delivery(
        id=ids.sibling(notification.id),
        notification_id=notification.id,
        recipient_id=notification.recipient_id,
        **{
            "channel": 1,
            "step": 1,
            "lane": Lane.DEFAULT,
            "mode": Mode.LIVE,
            "uncertain": 1,
            "state": State.DEAD,
            "reason": Reason.RETRIES_EXHAUSTED,
            "attempts": 5,
            "provider": "scripted",
            "accepted_at": now,
            "person_changed_at": now,
            **values,
        },
    )


def at_once(*deeds: Callable[[], Any]) -> list[Any]:
    """Do all of these at the same time, each on a connection of its own."""
    begin = Barrier(len(deeds))

    def do(deed: Callable[[], Any]) -> Any:
        begin.wait()
        try:
            return deed()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(deeds)) as pool:
        return list(pool.map(do, deeds))


def turns(wanted: list[UUID]) -> list[datetime]:
    found = Delivery.objects.filter(id__in=wanted, state=State.QUEUED)
    return list(found.order_by("due_at").values_list("due_at", flat=True))


def replayed_by_audit() -> Counter[str]:
    found = AuditEntry.objects.filter(action="delivery.replayed")
    return Counter(found.values_list("target", flat=True))


@real_transactions
def test_two_replays_of_the_same_thousand_at_the_same_time_send_each_once(
    dead: Any, provider: Ledger, run: Run, settings: Any
) -> None:
    settings.REPLAY_PER_SECOND = 1_000_000
    rows = dead(1000)

    def everything() -> Any:
        return replaying.many(Filter(), caller=OPERATOR)

    (one, more), (other, more_too) = at_once(everything, everything)
    run()

    assert (more, more_too) == (False, False)
    assert sorted([*one.queued, *other.queued]) == rows
    assert one.refused == other.refused == {}
    assert replayed_by_audit() == Counter(f"delivery:{id_}" for id_ in rows)
    assert sorted(message.reference for message in provider.taken) == rows
    assert set(Delivery.objects.values_list("state", flat=True)) == {State.SENT}


@real_transactions
def test_a_process_that_dies_half_way_leaves_the_rest_as_dead_as_it_was(
    dead: Any, provider: Ledger, run: Run, settings: Any
) -> None:
    settings.REPLAY_PER_SECOND = 1_000_000
    rows = dead(1000)
    # In the middle of the second batch, all of it written and none of it committed.
    dying = {"NOTIFYSITE_FAILPOINTS": "replay.before_commit=exit@2", "REPLAY_PER_SECOND": "1000000"}
    with process("-m", "tests.fakes.replaying_process", **dying) as killed:
        assert killed.wait(60) == 9
    assert (
        sorted(Delivery.objects.filter(state=State.DEAD).values_list("id", flat=True))
        == (rows[500:])
    )
    assert sum(replayed_by_audit().values()) == 500

    done, more = replaying.many(Filter(), caller=OPERATOR)
    run()

    assert (sorted(done.queued), more) == (rows[500:], False)
    assert replayed_by_audit() == Counter(f"delivery:{id_}" for id_ in rows)
    assert sorted(message.reference for message in provider.taken) == rows


def test_a_thousand_fall_due_one_after_the_other(dead: Any, settings: Any) -> None:
    settings.REPLAY_PER_SECOND = 50
    rows = dead(1000)

    done, _ = replaying.many(Filter(), caller=OPERATOR)

    due = turns(rows)
    assert len(due) == 1000
    assert {later - earlier for earlier, later in pairwise(due)} == {timedelta(milliseconds=20)}
    assert due[-1] == done.last_due_at
    assert turns(rows[:1]) == due[:1]  # the oldest first
    assert Delivery.objects.get(id=rows[-1]).accepted_at == due[-1]


@real_transactions
def test_calls_at_the_same_time_share_the_turns(dead: Any, settings: Any) -> None:
    settings.REPLAY_PER_SECOND = 50
    halves = dead(300), dead(300, channel=2)

    at_once(
        lambda: replaying.many(Filter(channel=1), caller=OPERATOR),
        lambda: replaying.many(Filter(channel=2), caller=OPERATOR),
    )

    due = turns([*halves[0], *halves[1]])
    assert len(due) == 600
    apart = [later - earlier for earlier, later in pairwise(due)]
    assert min(apart) >= timedelta(milliseconds=19, microseconds=999)


def test_turns_nobody_took_are_not_saved_up(dead: Any) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=1)
    Pace.objects.create(name="replay", until=long_ago)

    (row,) = dead(1)
    before = datetime.now(UTC) - timedelta(minutes=1)
    done = replaying.one(row, caller=OPERATOR)

    assert done is not None
    assert done.last_due_at is not None
    assert done.last_due_at > before


def test_what_was_asked_for_and_what_became_of_it_is_one_entry_of_the_trail(dead: Any) -> None:
    rows = dead(3)
    dead(2, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    wanted = Filter(
        channel=1, provider="scripted", reason=Reason.RETRIES_EXHAUSTED, since=ids.moment(rows[0])
    )

    replaying.many(wanted, caller=OPERATOR)

    entry = AuditEntry.objects.get(action="deliveries.replayed")
    assert (entry.actor, entry.target) == ("admin:1", "deliveries")
    assert entry.detail == {
        "filter": {
            "states": ["dead"],
            "channel": "email",
            "provider": "scripted",
            "reason": "retries_exhausted",
            "since": ids.moment(rows[0]).isoformat(),
        },
        "replayed": 3,
        "under_way": 0,
        "refused": {"expired": 2},
        "more": False,
    }


def test_the_trail_says_how_many_were_named_and_not_which(dead: Any) -> None:
    replaying.many(Filter(ids=dead(2)), caller=OPERATOR)
    entry = AuditEntry.objects.get(action="deliveries.replayed")
    assert entry.detail["filter"] == {"ids": 2, "states": ["dead"]}
