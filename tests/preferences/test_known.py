"""Whom a notification is written for is found by one statement, and made where need be."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import transaction

from notifysite.plumbing import crypto
from preferences.known import Known, known
from preferences.models import Recipient
from preferences.privacy import erase
from preferences.wanted import Wanted
from tests.factories import make_recipient

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


def ask(*wanted: Wanted) -> dict[str, Known]:
    with transaction.atomic():
        return known(wanted, now=NOW)


def holds(found: Known, recipient: Recipient) -> bool:
    """Whether it is this person, with the key that opens what is kept of them."""
    sealed = found.key.encrypt(b"x", context="c")
    key = crypto.unwrap(recipient.data_key)
    return found.id == recipient.pk and key.decrypt(sealed, context="c") == b"x"


def test_those_who_are_there_are_found_by_one_statement(
    django_assert_num_queries: Callable[..., Any],
) -> None:
    people = [make_recipient(name) for name in ("ann", 'b"o\\b', "{cleo,}")]
    wanted = [Wanted(str(one.user_id)) for one in [*people, people[0]]]

    with django_assert_num_queries(1 + 2):  # and the savepoint of a test
        found = ask(*wanted)

    assert found.keys() == {one.user_id for one in people}
    assert all(holds(found[str(one.user_id)], one) for one in people)


def test_who_is_not_there_is_made_and_the_others_stay_as_they_are() -> None:
    ann = make_recipient("ann", locale="de")

    found = ask(Wanted("ann"), Wanted("bob"))

    assert holds(found["ann"], ann)
    assert holds(found["bob"], Recipient.objects.get(user_id="bob"))


def test_what_is_said_of_a_person_is_kept() -> None:
    make_recipient("ann", locale="de")

    found = ask(Wanted("ann", locale="en"), Wanted("bob"))

    ann = Recipient.objects.get(user_id="ann")
    assert (ann.locale, holds(found["ann"], ann)) == ("en", True)


def test_who_was_erased_is_somebody_new() -> None:
    before = make_recipient("ann")
    erase("ann", actor="test", now=NOW)

    assert ask(Wanted("ann"))["ann"].id != before.pk


def test_nobody_is_asked_for_by_no_statement(django_assert_num_queries: Callable[..., Any]) -> None:
    with django_assert_num_queries(0):
        assert known([], now=NOW) == {}
