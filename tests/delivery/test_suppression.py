"""Which of two suppressions of one address holds, until when, and what the trail keeps."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from delivery import dispatch, suppression
from delivery.lifecycle import OutcomeKind
from delivery.models import AuditEntry, Suppression
from delivery.models.suppression import IN_FORCE, SuppressionReason
from delivery.suppression import Unwanted
from tests.fakes.scripted import Ledger

pytestmark = pytest.mark.django_db

HASH = b"h" * 32
PAST = datetime(2020, 1, 1, tzinfo=UTC)
SOON = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
LATER = SOON + timedelta(days=30)
BOUNCE, COMPLAINT, STOP, TOKEN, MANUAL = SuppressionReason


def unwanted(**said: Any) -> Unwanted:
    return Unwanted(**{"channel": 1, "address_hash": HASH, "source": "new"} | said)


def there_is(**said: Any) -> Suppression:
    return Suppression.objects.create(
        **{"channel": 1, "address_hash": HASH, "reason": MANUAL, "source": "old"} | said
    )


@pytest.mark.parametrize(
    ("old", "new", "held"),
    [
        ((MANUAL, None), (MANUAL, None), (MANUAL, None, "old")),
        ((MANUAL, None), (BOUNCE, SOON), (MANUAL, None, "old")),
        ((MANUAL, SOON), (MANUAL, LATER), (MANUAL, LATER, "new")),
        ((MANUAL, LATER), (BOUNCE, SOON), (MANUAL, LATER, "old")),
        ((MANUAL, SOON), (BOUNCE, None), (BOUNCE, None, "new")),
        ((BOUNCE, None), (STOP, SOON), (STOP, None, "new")),
        ((COMPLAINT, None), (STOP, None), (STOP, None, "new")),
        ((STOP, None), (COMPLAINT, None), (STOP, None, "old")),
        ((STOP, SOON), (MANUAL, None), (STOP, None, "old")),
        ((STOP, PAST), (MANUAL, SOON), (MANUAL, SOON, "new")),
        ((MANUAL, PAST), (MANUAL, None), (MANUAL, None, "new")),
    ],
)
def test_the_weightier_reason_and_the_later_end_hold_and_what_expired_is_history(
    old: Any, new: Any, held: Any
) -> None:
    there_is(reason=old[0], expires_at=old[1])
    row, _ = suppression.suppress(unwanted(reason=new[0], expires_at=new[1]), actor="me")
    assert (row.reason, row.expires_at, row.source) == held
    assert Suppression.objects.get() == row


def test_one_that_expired_begins_anew() -> None:
    there_is(expires_at=PAST, created_at=PAST, note="long ago")
    row, changed = suppression.suppress(unwanted(), actor="me")
    assert (changed, row.note) == (True, "")
    assert row.created_at > PAST


def test_one_in_force_keeps_its_beginning() -> None:
    there_is(created_at=PAST, note="kept")
    row, _ = suppression.suppress(unwanted(reason=STOP), actor="me")
    assert (row.created_at, row.note) == (PAST, "kept")


def test_the_trail_keeps_reason_and_end_of_what_was_set() -> None:
    row, changed = suppression.suppress(unwanted(reason=STOP, expires_at=SOON), actor="me")
    _, again = suppression.suppress(unwanted(reason=STOP, expires_at=SOON), actor="me")

    entry = AuditEntry.objects.get()
    assert (changed, again) == (True, False)
    assert (entry.actor, entry.action, entry.target) == (
        "me",
        "suppression.set",
        f"suppression:{row.pk}",
    )
    assert entry.detail is not None
    assert entry.detail["reason"] == "stop"
    assert datetime.fromisoformat(entry.detail["until"]) == SOON


def test_many_are_set_at_once_and_those_that_were_known_are_not_counted() -> None:
    there_is()
    rows = [unwanted(), unwanted(address_hash=b"2"), unwanted(channel=2, reason=STOP)]
    assert suppression.suppress_all(rows, actor="me") == 2
    assert Suppression.objects.count() == 3
    assert AuditEntry.objects.count() == 2


def test_the_databases_clock_tells_what_is_in_force() -> None:
    there_is(expires_at=PAST)
    there_is(address_hash=b"2", expires_at=SOON)
    there_is(address_hash=b"3")
    assert {bytes(row.address_hash) for row in Suppression.objects.filter(IN_FORCE)} == {
        b"2",
        b"3",
    }


@pytest.mark.parametrize("end", [PAST, SOON])
def test_a_dead_address_that_was_suppressed_for_a_time_is_so_for_good(
    provider: Ledger, queued: Any, end: datetime
) -> None:
    there_is(expires_at=end)
    queued()
    provider.script = [OutcomeKind.REFUSED_ADDRESS]
    dispatch.dispatch_due(2)
    row = Suppression.objects.get()
    assert (row.reason, row.expires_at, row.source) == (BOUNCE, None, "provider:scripted")


@pytest.mark.parametrize(("channel", "reason"), [(1, BOUNCE), (2, BOUNCE), (3, TOKEN), (4, TOKEN)])
def test_only_a_device_has_a_token_that_dies(channel: int, reason: SuppressionReason) -> None:
    assert suppression.when_dead(channel) == reason
