"""What was done is written down in the transaction that does it, and stays."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from notifysite.plumbing import audit

pytestmark = pytest.mark.django_db


def entries() -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT actor, action, target, subject, detail::text FROM audit_entry ORDER BY id"
        )
        return cursor.fetchall()


def test_an_entry_says_who_did_what_to_what_and_about_whom():
    subject = uuid.uuid4()

    audit.record(
        actor="admin:7",
        action="suppression.lifted",
        target="suppression:42",
        subject=subject,
        detail={"reason": "asked by letter", "days": 3},
    )

    assert entries() == [
        (
            "admin:7",
            "suppression.lifted",
            "suppression:42",
            subject,
            '{"days": 3, "reason": "asked by letter"}',
        )
    ]


def test_subject_and_detail_may_be_left_out():
    audit.record(actor="system", action="keys.rotated", target="master:2026b")

    assert entries() == [("system", "keys.rotated", "master:2026b", None, "{}")]


def test_one_act_on_many_is_one_entry_each_and_may_say_about_whom():
    ann = uuid.uuid4()

    audit.record_all(actor="key:a", action="topic.subscribed", targets=["1"], subjects=[ann])
    audit.record_all(actor="key:a", action="thing.moved", targets=["2", "3"], detail={"to": 4})

    assert entries() == [
        ("key:a", "topic.subscribed", "1", ann, "{}"),
        ("key:a", "thing.moved", "2", None, '{"to": 4}'),
        ("key:a", "thing.moved", "3", None, '{"to": 4}'),
    ]


def test_an_entry_carries_the_time_of_the_database():
    audit.record(actor="system", action="keys.rotated", target="master:2026b")

    with connection.cursor() as cursor:
        cursor.execute("SELECT at FROM audit_entry")
        (at,) = cursor.fetchone()
    assert abs(at - datetime.now(UTC)) < timedelta(minutes=5)


def test_an_entry_goes_with_the_deed_that_is_undone():
    with transaction.atomic():
        audit.record(actor="system", action="keys.rotated", target="master:2026b")
        transaction.set_rollback(True)

    assert entries() == []


@pytest.mark.parametrize(
    "change", ["UPDATE audit_entry SET actor = 'x'", "DELETE FROM audit_entry"]
)
def test_an_entry_can_be_neither_changed_nor_removed(change):
    audit.record(actor="system", action="keys.rotated", target="master:2026b")

    with (
        connection.cursor() as cursor,
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
    ):
        cursor.execute(change)

    assert len(entries()) == 1
