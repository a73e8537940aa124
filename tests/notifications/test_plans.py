"""What lists and claims read does not grow with history: each has an index, and skips the months it
is not about. `python -m bench.plans` looks at the same over a million messages."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from bench.plans import cases, history, looking
from bench.plans.looking import Look

# Says that this module needs the database, which the fixture of all its tests does not.
pytestmark = pytest.mark.django_db

FINISHED = 20_000
GROWN = 100  # rows: tables that hold fewer are not of those that grow


@pytest.fixture(scope="module")
def looks(django_db_setup: None, django_db_blocker: Any) -> dict[str, Look]:
    """Every case over the same history, which is undone."""
    with django_db_blocker.unblock(), transaction.atomic():
        history.make(FINISHED)
        sizes = {name: looking.BIG for name, rows in looking.sizes().items() if rows > GROWN}
        found = {name: _look(name, deed, sizes) for name, deed in cases.every()}
        transaction.set_rollback(True)
    return found


def _look(name: str, deed: cases.Deed, sizes: dict[str, int]) -> Look:
    # Small months would rather be read whole; like this it shows whether an index serves. What
    # claims do is theirs to say.
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = %s", ["on" if "claim" in name else "off"])
    return looking.undone(name, deed, sizes=sizes)


def test_every_list_and_claim_finds_its_rows_by_an_index(looks: dict[str, Look]) -> None:
    assert {name: look.whole for name, look in looks.items() if look.whole} == {}


@pytest.mark.parametrize(
    ("name", "days"),
    [
        ("API: notifications, newest", 30),
        ("API: notifications, of a user", 30),
        ("API: notifications, of a rare type", 30),
        ("API: notifications, by a rare channel", 30),
        ("Admin: notifications", 30),
        ("Admin: dead letters of a week", 7),
        ("API: one notification", 0),
        ("API: timeline", 0),
    ],
)
def test_it_leaves_the_months_unread_that_it_is_not_about(
    looks: dict[str, Look], name: str, days: int
) -> None:
    now = datetime.now(UTC)
    since = now - timedelta(days=days)
    about = 12 * (now.year - since.year) + now.month - since.month + 1
    assert 1 <= looks[name].months <= about


def test_a_claim_reads_no_more_of_a_backlog_than_it_takes(looks: dict[str, Look]) -> None:
    taken = {
        "Due notifications: claim": cases.BATCH,
        "Due deliveries: claim": 3 * cases.BATCH,  # of each channel
        "Lost answers: claim": cases.BATCH,
    }
    # Each is read once to find it and once to change it.
    assert [name for name, rows in taken.items() if looks[name].read > 2 * rows] == []
