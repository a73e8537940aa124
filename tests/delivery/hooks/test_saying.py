"""What people write back, whoever passes it on: obeyed once, answered once, never kept."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from delivery import registry
from delivery.channels import CHAT
from delivery.contracts import Said
from delivery.hooks import saying
from delivery.models import AuditEntry, HookCount, News, Suppression
from delivery.models.suppression import SuppressionReason
from notifysite.plumbing.crypto import address_hash
from preferences import addresses
from tests.delivery.hooks.callers import CALLERS, Caller, Posted, Wrote

pytestmark = pytest.mark.django_db

EACH = [pytest.param(each, id=each.alias) for each in CALLERS if each.replies]
each_that_dates_it = pytest.mark.parametrize(
    "caller", [each for each in EACH if each.id != "twilio"], indirect=True
)
each_of_them = pytest.mark.parametrize("caller", EACH, indirect=True)

PHONE = "+491701234567"
HASH = address_hash("sms", PHONE)
SMS = 2
# Words that no provider answers by itself.
STOP, START, HELP = "Bitte abmelden!", "Anmelden", "Hilfe"


@pytest.fixture
def caller(request, settings) -> Iterator[Caller]:
    made = request.param()
    with made.answering(settings):
        made.configure(settings)
        yield made
        registry.reset()


def post(caller: Caller, posted: Posted) -> HttpResponse:
    answer = Client().generic(
        "POST",
        f"/hooks/{caller.alias}/" + (f"?{posted.query}" if posted.query else ""),
        posted.body,
        posted.content_type,
        headers=dict(posted.headers),
    )
    assert answer.status_code == 200, answer.content
    return answer


def write(caller: Caller, text: str, key: str = "word-1", **said: object) -> str:
    """What a person reads who writes this."""
    return caller.read(post(caller, caller.wrote(Wrote(text=text, key=key, **said))).content)


def counts(caller: Caller) -> dict[str, int]:
    return dict(HookCount.objects.filter(provider=caller.alias).values_list("verdict", "calls"))


def suppressed(**changes: object) -> None:
    Suppression.objects.create(
        **{"channel": SMS, "address_hash": HASH, "reason": SuppressionReason.STOP} | changes
    )


def test_the_hash_is_the_one_that_addresses_are_found_by() -> None:
    assert addresses.phone(PHONE).hash == HASH


def test_the_number_is_the_one_of_the_channel_it_was_said_on() -> None:
    stop = Said(
        channel=CHAT.number,
        address=PHONE,
        number="1",
        text="STOP",
        at=timezone.now(),
        event_key="1",
    )

    saying.obey("acme", [stop])

    kept = Suppression.objects.get()
    assert (kept.channel, bytes(kept.address_hash)) == (CHAT.number, address_hash("chat", PHONE))


@each_of_them
def test_a_stop_suppresses_the_number_and_is_confirmed(caller) -> None:
    assert write(caller, STOP) == (
        "Acme: Sie erhalten keine SMS mehr. Mit START erhalten Sie wieder welche."
    )

    kept = Suppression.objects.get()
    assert (kept.channel, bytes(kept.address_hash), kept.reason, kept.source, kept.expires_at) == (
        SMS, HASH, SuppressionReason.STOP, f"provider:{caller.alias}", None,
    )  # fmt: skip
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.action, entry.target, entry.detail) == (
        f"provider:{caller.alias}",
        "suppression.set",
        f"suppression:{kept.pk}",
        {"reason": "stop", "until": None},
    )
    assert counts(caller) == {"heard": 1, "stop": 1}


@each_of_them
def test_a_stop_that_is_passed_on_twice_is_one(caller) -> None:
    write(caller, STOP)
    Suppression.objects.all().delete()  # an operator lifted it meanwhile

    assert write(caller, STOP) == ""

    assert not Suppression.objects.exists()
    assert counts(caller) == {"heard": 2, "stop": 1, "known": 1}


@each_of_them
def test_who_writes_stop_again_is_not_written_to_again(caller) -> None:
    assert write(caller, STOP) != ""
    assert write(caller, STOP, key="word-2") == ""

    assert Suppression.objects.count() == 1
    assert AuditEntry.objects.count() == 1


@each_of_them
@pytest.mark.parametrize("key", ["a\x00b", "x" * 300])
def test_a_stop_is_obeyed_once_whatever_the_provider_calls_it(caller, key) -> None:
    assert [write(caller, STOP, key=key), write(caller, STOP, key=key)][1] == ""

    assert Suppression.objects.get().reason == SuppressionReason.STOP
    assert counts(caller) == {"heard": 2, "stop": 1, "known": 1}


@each_of_them
@pytest.mark.parametrize("reason", [1, 2, 4, 5])
def test_a_stop_says_more_than_any_other_reason(caller, reason) -> None:
    suppressed(reason=reason, expires_at=timezone.now() + timedelta(days=1), note="n")

    write(caller, STOP)

    kept = Suppression.objects.get()
    assert (kept.reason, kept.expires_at, kept.note) == (SuppressionReason.STOP, None, "n")


@each_of_them
def test_a_start_lifts_a_stop_and_is_confirmed(caller) -> None:
    suppressed()

    assert write(caller, START) == "Acme: Sie erhalten wieder SMS. Mit STOP melden Sie sich ab."

    assert not Suppression.objects.exists()
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.action, entry.detail) == (
        f"provider:{caller.alias}",
        "suppression.lifted",
        {"reason": "stop", "note": "START"},
    )


@each_of_them
@pytest.mark.parametrize(
    "there", [{"reason": 1}, {"reason": 2}, {"reason": 5}, {"note": "by order of the court"}]
)
def test_a_start_lifts_nothing_else(caller, there) -> None:
    suppressed(**there)

    assert write(caller, START) == ""

    assert Suppression.objects.count() == 1
    assert not AuditEntry.objects.exists()


@each_that_dates_it
def test_a_start_that_a_stop_has_overtaken_lifts_nothing(caller) -> None:
    now = timezone.now()
    write(caller, STOP, at=now - timedelta(minutes=9))
    write(caller, STOP, key="word-3", at=now)

    assert write(caller, START, key="word-2", at=now - timedelta(minutes=3)) == ""
    assert Suppression.objects.get().reason == SuppressionReason.STOP
    assert write(caller, START, key="word-4", at=now + timedelta(seconds=9)) != ""
    assert not Suppression.objects.exists()


@each_of_them
def test_a_start_where_nothing_was_stopped_is_not_answered(caller) -> None:
    assert write(caller, START) == ""
    assert counts(caller) == {"heard": 1, "start": 1}


@each_of_them
def test_help_is_answered_once_a_day_and_changes_nothing(caller) -> None:
    suppressed()
    said = "Acme: Mit STOP erhalten Sie keine SMS mehr. Hilfe: help@acme.test"

    assert write(caller, HELP) == said
    assert write(caller, HELP, key="word-2") == ""

    assert Suppression.objects.count() == 1


@each_of_them
@pytest.mark.parametrize("text", ["Please call me", "", "non-stop", "🙏"])
def test_anything_else_is_only_counted(caller, text) -> None:
    assert write(caller, text) == ""

    assert not Suppression.objects.exists()
    assert counts(caller) == {"heard": 1, "other": 1}


@each_of_them
def test_nothing_of_what_was_written_is_kept(caller) -> None:
    write(caller, "My name is Quagga")
    write(caller, STOP, key="word-2")

    for model in (News, Suppression, AuditEntry, HookCount):
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT t::text FROM {model._meta.db_table} AS t")
            kept = " ".join(row for (row,) in cursor.fetchall())
        assert "Quagga" not in kept
        assert "1701234567" not in kept
        assert "abmelden" not in kept.lower()


@each_of_them
def test_a_stop_from_somewhere_without_a_number_stops_nobody(caller) -> None:
    assert write(caller, STOP, address="Juniper") == ""
    assert not Suppression.objects.exists()


@each_of_them
def test_a_stop_that_somebody_else_made_up_stops_nobody(caller) -> None:
    for forged in caller.forged(caller.wrote(Wrote(text=STOP))):
        query = f"?{forged.query}" if forged.query else ""
        answer = Client().generic(
            "POST",
            f"/hooks/{caller.alias}/{query}",
            forged.body,
            forged.content_type,
            headers=dict(forged.headers),
        )
        assert answer.status_code == 403

    assert (Suppression.objects.count(), News.objects.count()) == (0, 0)
