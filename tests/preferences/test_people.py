"""People are created and changed many at a time, and never twice."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.transaction import TransactionManagementError
from django.utils import timezone

from notifysite.plumbing import crypto
from notifysite.plumbing.problems import Problem
from preferences import addresses, people, profile
from preferences.models import Address, Recipient
from preferences.profile import Profile
from preferences.wanted import Wanted
from tests.factories import make_recipient

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


def upsert(*wanted: Wanted) -> list[people.Person]:
    with transaction.atomic():
        return people.upsert(wanted, now=NOW)


def current(user_id: str) -> dict[int, str]:
    """A person's addresses in use, by channel."""
    recipient = Recipient.objects.get(user_id=user_id)
    key = crypto.unwrap(recipient.data_key)
    rows = recipient.addresses.filter(retired_at__isnull=True)
    return {row.channel: addresses.decrypt(row.value, key) for row in rows}


def profile_of(user_id: str) -> Profile:
    recipient = Recipient.objects.get(user_id=user_id)
    return profile.decrypt(recipient.profile, crypto.unwrap(recipient.data_key))


def test_an_unknown_person_is_created_with_all_that_was_said():
    (person,) = upsert(
        Wanted.of(
            "ann",
            email="Ann@Example.COM",
            phone="+49 170 1234567",
            locale="de_CH",
            timezone="Europe/Zurich",
            name="Ann",
            attributes={"plan": "pro"},
        )
    )

    recipient = Recipient.objects.get(user_id="ann")
    assert (person.id, person.subject) == (recipient.id, recipient.subject)
    assert (person.locale, person.timezone) == ("de-CH", "Europe/Zurich")
    assert (recipient.locale, recipient.timezone) == ("de-CH", "Europe/Zurich")
    assert person.created
    assert current("ann") == {1: "Ann@example.com", 2: "+491701234567"}
    assert profile_of("ann") == Profile("Ann", {"plan": "pro"})


def test_a_bare_user_id_creates_a_person_without_addresses():
    upsert(Wanted(user_id="ann"))

    assert current("ann") == {}
    assert Recipient.objects.get(user_id="ann").profile is None


def test_nothing_of_a_person_lies_in_the_database_in_plain_text():
    upsert(Wanted.of("u1", email="ann@example.com", phone="+491701234567", name="Ann Example"))

    recipient = Recipient.objects.get(user_id="u1")
    kept = [bytes(recipient.profile), *(bytes(row.value) for row in recipient.addresses.all())]
    assert len(kept) == 3
    for plain in (b"ann", b"Ann", b"49170"):
        assert not any(plain in blob for blob in kept)


def test_what_is_left_out_stays_and_what_is_null_is_cleared():
    upsert(Wanted.of("ann", email="ann@example.com", phone="+491701234567", locale="de"))

    upsert(Wanted.of("ann", email=None, locale=""))

    assert current("ann") == {2: "+491701234567"}
    assert Recipient.objects.get(user_id="ann").locale == ""


def test_a_new_address_is_a_new_row_and_the_old_one_is_retired():
    upsert(Wanted.of("ann", email="old@example.com"))
    before = Address.objects.get()

    upsert(Wanted.of("ann", email="new@example.com"))

    before.refresh_from_db()
    assert before.retired_at == NOW
    assert current("ann") == {1: "new@example.com"}


def test_the_same_address_in_other_letters_is_the_same_address():
    upsert(Wanted.of("ann", email="ann@example.com"))

    upsert(Wanted.of("ann", email="ANN@EXAMPLE.com"))

    assert Address.objects.count() == 1


def test_an_address_may_be_taken_up_again():
    for email in ("a@example.com", "b@example.com", "a@example.com"):
        upsert(Wanted.of("ann", email=email))

    assert current("ann") == {1: "a@example.com"}
    assert Address.objects.filter(retired_at__isnull=False).count() == 2


def test_changed_at_moves_when_something_changes_and_only_then():
    recipient = make_recipient("ann", email="ann@example.com", name="Ann", attributes={"a": 1})
    same = Wanted.of("ann", email="ann@example.com", name="Ann", attributes={"a": 1})

    upsert(same)
    assert Recipient.objects.get().changed_at == recipient.changed_at

    upsert(Wanted.of("ann", attributes={"a": 2}))
    assert Recipient.objects.get().changed_at > recipient.changed_at


def test_attributes_are_merged_and_those_that_are_null_removed():
    upsert(Wanted.of("ann", attributes={"plan": "free", "team": "red", "age": 3}))

    upsert(Wanted.of("ann", attributes={"plan": "pro", "team": None}))

    assert profile_of("ann") == Profile("", {"plan": "pro", "age": 3})


def test_all_attributes_go_when_they_are_null_and_the_name_stays():
    upsert(Wanted.of("ann", name="Ann", attributes={"plan": "free"}))

    upsert(Wanted.of("ann", attributes=None))

    assert profile_of("ann") == Profile("Ann", {})


def test_attributes_that_pile_up_are_refused():
    for number in range(2):
        upsert(Wanted.of("ann", attributes={f"a{number}": "x" * 16_000}))

    with pytest.raises(Problem) as refused:
        upsert(Wanted.of("ann", attributes={"a2": "x" * 16_000}))

    assert [fault.code for fault in refused.value.faults] == ["too_large"]


def test_who_is_named_twice_gets_both_and_the_later_one_last():
    first, second = upsert(
        Wanted.of("ann", email="a@example.com", phone="+491701234567", attributes={"a": 1}),
        Wanted.of("ann", email="b@example.com", attributes={"b": 2}),
    )

    assert first == second
    assert current("ann") == {1: "b@example.com", 2: "+491701234567"}
    assert profile_of("ann") == Profile("", {"a": 1, "b": 2})


def test_people_come_back_in_the_order_they_were_asked_for():
    make_recipient("bob")

    found = upsert(*(Wanted(user_id=name) for name in ("cleo", "bob", "ann", "bob")))

    assert [person.user_id for person in found] == ["cleo", "bob", "ann", "bob"]
    assert [person.created for person in found] == [True, False, True, False]


def test_the_key_of_a_person_opens_what_is_kept_about_them():
    (made,) = upsert(Wanted.of("ann", name="Ann"))
    (found,) = upsert(Wanted(user_id="ann"))

    kept = made.key.encrypt(b"secret", context="test")
    assert found.key.decrypt(kept, context="test") == b"secret"


@pytest.mark.parametrize("count", [1, 50])
@pytest.mark.parametrize(
    ("before", "after", "statements"),
    [
        pytest.param({"email": "x@example.com"}, {}, 1, id="known, nothing said"),
        pytest.param({"email": "x@example.com"}, {"email": "x@example.com"}, 1, id="unchanged"),
        pytest.param(None, {}, 2, id="unknown"),
        pytest.param(None, {"email": "x@example.com", "name": "X"}, 3, id="unknown with all"),
        pytest.param({}, {"name": "X"}, 4, id="changed"),
        pytest.param(
            {"email": "x@example.com"}, {"email": "y@example.com"}, 6, id="another address"
        ),
    ],
)
def test_the_number_of_statements_does_not_grow_with_people(
    django_assert_num_queries: Callable[..., Any],
    count: int,
    before: dict[str, str] | None,
    after: dict[str, str],
    statements: int,
):
    names = [f"user-{number}" for number in range(count)]
    if before is not None:
        upsert(*(Wanted.of(name, **before) for name in names))

    with transaction.atomic(), django_assert_num_queries(statements):
        people.upsert([Wanted.of(name, **after) for name in names], now=NOW)


@pytest.mark.django_db(transaction=True)
def test_it_refuses_to_work_outside_a_transaction():
    with pytest.raises(TransactionManagementError):
        people.upsert([Wanted(user_id="ann")], now=NOW)


def test_a_user_id_used_again_after_erasure_is_another_person():
    recipient = make_recipient("ann", email="ann@example.com")
    Recipient.objects.filter(pk=recipient.pk).update(
        user_id=None, data_key=None, profile=None, erased_at=timezone.now()
    )

    (person,) = upsert(Wanted(user_id="ann"))

    assert person.id != recipient.id
    assert person.subject != recipient.subject


def at_once(*works: Callable[[], None]) -> None:
    """Run each in a thread of its own, all from the same moment; what one raises is raised."""
    ready = threading.Barrier(len(works))
    raised: list[BaseException] = []

    def run(work: Callable[[], None]) -> None:
        try:
            ready.wait()
            work()
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
            raised.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise raised[0]


def wait_until_somebody_waits_for_a_lock() -> None:
    with connection.cursor() as cursor:
        for _ in range(1000):
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            if cursor.fetchone() != (0,):
                return
            time.sleep(0.01)
    raise AssertionError("nobody waits for a lock")


@pytest.mark.django_db(transaction=True)
def test_overlapping_people_in_any_order_neither_deadlock_nor_get_lost():
    names = [f"user-{number}" for number in range(40)]

    def say(attribute: str, order: list[str]) -> Callable[[], None]:
        def work() -> None:
            for turn in range(5):
                upsert(*(Wanted.of(name, attributes={attribute: turn}) for name in order))

        return work

    at_once(
        say("a", names),
        say("b", names[::-1]),
        say("c", names[20:] + names[:20]),
        say("d", names[::2] + names[1::2]),
    )

    assert Recipient.objects.count() == len(names)
    for name in names:
        assert profile_of(name).attributes == {"a": 4, "b": 4, "c": 4, "d": 4}


@pytest.mark.django_db(transaction=True)
def test_two_who_give_a_person_an_address_leave_exactly_one_in_use():
    def say(email: str) -> Callable[[], None]:
        return lambda: [upsert(Wanted.of("ann", email=email)) for _ in range(10)] and None

    at_once(say("a@example.com"), say("b@example.com"), say("c@example.com"))

    assert len(current("ann")) == 1
    retired = Address.objects.filter(retired_at__isnull=False).count()
    assert retired + 1 == Address.objects.count()


@pytest.mark.django_db(transaction=True)
def test_who_is_erased_while_a_change_waits_is_made_anew():
    recipient = make_recipient("ann", name="Ann")
    locked = threading.Event()

    def erase() -> None:
        with transaction.atomic():
            Recipient.objects.select_for_update(no_key=True).get(pk=recipient.pk)
            locked.set()
            wait_until_somebody_waits_for_a_lock()
            Recipient.objects.filter(pk=recipient.pk).update(
                user_id=None, data_key=None, profile=None, erased_at=timezone.now()
            )

    def change() -> None:
        locked.wait()
        upsert(Wanted.of("ann", name="Bob"))

    at_once(erase, change)

    assert profile_of("ann") == Profile("Bob", {})
    assert Recipient.objects.get(user_id="ann").pk != recipient.pk
