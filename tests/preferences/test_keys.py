"""Data keys are loaded for many at once, and move to a new master key without a pause."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from notifysite.plumbing import crypto
from preferences import keys, people
from preferences.models import Recipient
from preferences.wanted import Wanted
from tests.factories import make_recipient

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
OLD = f"old:{crypto.generate_master_key()}"
NEW = f"new:{crypto.generate_master_key()}"


@pytest.fixture(autouse=True)
def old_master_key(settings: Any) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [OLD]


def rotate(*arguments: str) -> list[str]:
    said = StringIO()
    call_command("rotate_keys", *arguments, stdout=said)
    return said.getvalue().splitlines()


@pytest.mark.parametrize("count", [1, 50])
def test_keys_of_many_people_come_in_one_query(
    django_assert_num_queries: Callable[..., Any], count: int
):
    made = [make_recipient(email=f"user{number}@example.com") for number in range(count)]

    with django_assert_num_queries(1):
        found = keys.data_keys(recipient.id for recipient in made)

    assert found.keys() == {recipient.id for recipient in made}


def test_the_erased_and_the_unknown_have_no_key():
    kept, erased = make_recipient(), make_recipient()
    Recipient.objects.filter(pk=erased.pk).update(
        user_id=None, data_key=None, profile=None, erased_at=timezone.now()
    )

    assert keys.data_keys([kept.id, erased.id, 0]).keys() == {kept.id}


def test_rotation_wraps_every_key_under_the_newest_master_key(settings: Any):
    made = [make_recipient(name=f"User {number}") for number in range(5)]
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]

    said = rotate("--batch", "2")

    assert said[0] == "5 keys wrapped anew."
    assert said[1] == "new: 5 data keys"
    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    assert keys.data_keys(recipient.id for recipient in made).keys() == {r.id for r in made}


def test_rotation_leaves_what_is_encrypted_and_changed_at_alone(settings: Any):
    before = make_recipient("ann", name="Ann")
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]

    rotate()

    after = Recipient.objects.get()
    assert bytes(after.profile) == bytes(before.profile)
    assert after.changed_at == before.changed_at
    assert crypto.master_key_id(after.data_key) == "new"


def test_a_rotation_that_stopped_starts_again_where_there_is_work(settings: Any):
    for _ in range(4):
        make_recipient()
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]
    assert keys.rewrap_after(0, limit=3) == (Recipient.objects.order_by("id")[2].id, 3)

    assert rotate()[0] == "1 keys wrapped anew."
    assert rotate()[0] == "0 keys wrapped anew."


def test_rotation_says_which_master_keys_are_still_needed(settings: Any):
    make_recipient()
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]
    make_recipient()

    assert keys.master_keys_in_use() == {"new": 1, "old": 1}


def test_rotation_passes_over_the_erased(settings: Any):
    erased = make_recipient()
    Recipient.objects.filter(pk=erased.pk).update(
        user_id=None, data_key=None, profile=None, erased_at=timezone.now()
    )
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]

    assert rotate()[0] == "0 keys wrapped anew."
    assert Recipient.objects.get().data_key is None


def test_rotation_is_written_into_the_audit_trail(settings: Any):
    make_recipient()
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]

    rotate()

    with connection.cursor() as cursor:
        cursor.execute("SELECT actor, action, detail::text FROM audit_entry")
        assert cursor.fetchall() == [
            ("system", "keys.rotated", '{"moved": 1, "in_use": {"new": 1}}')
        ]


@pytest.mark.django_db(transaction=True)
def test_rotation_under_load_loses_neither_keys_nor_changes(settings: Any):
    names = [f"user-{number}" for number in range(30)]
    for name in names:
        make_recipient(name)
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]
    done = threading.Event()

    def change() -> None:
        turn = 0
        while not done.is_set():
            turn += 1
            with transaction.atomic():
                people.upsert([Wanted.of(name, name=f"Turn {turn}") for name in names], now=NOW)
        connection.close()

    load = threading.Thread(target=change)
    load.start()
    try:
        rotate("--batch", "4")
    finally:
        done.set()
        load.join()

    assert keys.master_keys_in_use() == {"new": 30}
    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    with transaction.atomic():
        people.upsert([Wanted.of(name, name="Still here") for name in names], now=NOW)
