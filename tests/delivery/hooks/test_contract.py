"""What every hook promises, whoever calls."""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.conf import settings as configured
from django.http import HttpResponse
from django.test import Client
from django.utils.module_loading import import_string

from delivery import channels, registry
from delivery.lifecycle import NEWS, SUPPRESSING, EventKind, State
from delivery.models import Delivery, Event, HookCount, News, Suppression
from notifysite.plumbing.ids import uuid7
from notifysite.settings.offers import OFFERS
from tests.delivery.hooks.callers import CALLERS, Caller, Posted, Told

pytestmark = pytest.mark.django_db

SPOKEN = [
    pytest.param(caller, kind, id=f"{caller.alias}-{kind.name.lower()}")
    for caller in CALLERS
    for kind in sorted(caller.kinds)
]
DATED = [pytest.param(each, id=each.alias) for each in CALLERS if each.dated]
PATIENT = [
    pytest.param(each, id=each.alias) for each in CALLERS if EventKind.DEFERRED in each.kinds
]
EACH = [pytest.param(each, id=each.alias) for each in CALLERS]


@pytest.fixture
def caller(request, settings) -> Iterator[Caller]:
    with request.param() as made:
        made.configure(settings)
        yield made


@pytest.fixture
def delivery(caller, given) -> UUID:
    number = channels.by_key(caller.channel).number
    return given(provider=caller.alias, channel=number)[0]


def post(caller: Caller, posted: Posted) -> HttpResponse:
    """Post it as it is, from wherever."""
    return Client().generic(
        "POST",
        f"/hooks/{caller.alias}/" + (f"?{posted.query}" if posted.query else ""),
        posted.body,
        posted.content_type,
        headers=dict(posted.headers),
    )


def told(delivery: UUID, kind: EventKind, **changes: object) -> Told:
    """Something said of a delivery that `given` made."""
    return Told(kind=kind, reference=delivery, ref=f"ref-{delivery}", **changes)


def counts(caller: Caller) -> dict[str, int]:
    return dict(HookCount.objects.filter(provider=caller.alias).values_list("verdict", "calls"))


def any_of(caller: Caller) -> EventKind:
    return min(caller.kinds)


@pytest.mark.parametrize(("caller", "kind"), SPOKEN, indirect=["caller"])
def test_what_it_says_is_kept_and_moves_the_delivery(caller, delivery, kind) -> None:
    assert post(caller, caller.call(told(delivery, kind))).status_code == 200

    assert list(Event.objects.values_list("delivery_id", "kind", "provider")) == [
        (delivery, kind, caller.alias)
    ]
    if kind in NEWS:
        assert Delivery.objects.get(id=delivery).state == NEWS[kind].state
    assert Suppression.objects.exists() is (kind in SUPPRESSING)


@pytest.mark.parametrize("caller", PATIENT, indirect=True)
def test_what_it_still_tries_is_not_over(caller, delivery) -> None:
    for kind, state in ((EventKind.DEFERRED, State.SENT), (EventKind.DELIVERED, State.DELIVERED)):
        post(caller, caller.call(told(delivery, kind, key=kind.name)))
        assert Delivery.objects.get(id=delivery).state == state


@pytest.mark.parametrize("caller", EACH, indirect=True)
def test_what_it_says_twice_is_kept_once(caller, delivery) -> None:
    call = caller.call(told(delivery, any_of(caller)))

    assert post(caller, call).status_code == 200
    assert post(caller, call).status_code in (200, 403)

    assert Event.objects.count() == 1


@pytest.mark.parametrize("caller", EACH, indirect=True)
def test_the_same_news_in_two_calls_is_kept_once(caller, delivery) -> None:
    said = told(delivery, any_of(caller))

    assert post(caller, caller.call(said)).status_code == 200
    assert post(caller, caller.call(said)).status_code == 200

    assert Event.objects.count() == 1
    assert counts(caller)["known"] == 1


@pytest.mark.parametrize("caller", EACH, indirect=True)
def test_what_somebody_else_says_is_refused_and_counted(caller, delivery) -> None:
    forged = caller.forged(caller.call(told(delivery, any_of(caller))))

    assert {post(caller, each).status_code for each in forged} == {403}

    assert (Event.objects.count(), News.objects.count()) == (0, 0)
    assert counts(caller) == {"forged": len(forged)}


@pytest.mark.parametrize("caller", EACH, indirect=True)
def test_without_a_secret_nobody_is_believed(caller, delivery, settings) -> None:
    caller.configure(settings, secret=False)

    assert post(caller, caller.call(told(delivery, any_of(caller)))).status_code == 403

    assert Event.objects.count() == 0
    assert counts(caller) == {"unsecured": 1}


@pytest.mark.parametrize("caller", DATED, indirect=True)
@pytest.mark.parametrize("ago", [timedelta(minutes=6), timedelta(minutes=-6), timedelta(days=400)])
def test_what_was_signed_at_another_time_is_refused(caller, delivery, ago) -> None:
    call = caller.call(told(delivery, any_of(caller)), at=datetime.now(UTC) - ago)

    assert post(caller, call).status_code == 403

    assert Event.objects.count() == 0
    assert counts(caller) == {"stale": 1}


@pytest.mark.parametrize("caller", EACH, indirect=True)
def test_news_of_what_it_never_had_is_taken_and_forgotten(caller, delivery, given) -> None:
    (other,) = given(provider="somebody")

    assert post(caller, caller.call(told(other, any_of(caller)))).status_code == 200

    assert Event.objects.count() == 0
    assert Delivery.objects.get(id=other).state == Delivery.objects.get(id=delivery).state


UNREADABLE = {
    "nothing": b"",
    "an object": b"{}",
    "a list": b"[]",
    "a list of lists": b"[[], 7, null]",
    "null": b"null",
    "noise": b"\xff\x00",
    "depth": b"[" * 50_000,
    "a text": b'"x"',
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
@pytest.mark.parametrize("caller", EACH, indirect=True)
def test_what_cannot_be_read_changes_nothing(caller, delivery, body) -> None:
    answer = post(caller, caller.sign(body, at=datetime.now(UTC)))

    assert answer.status_code in (200, 400, 403)
    assert Event.objects.count() == 0


@pytest.mark.parametrize("caller", EACH, indirect=True)
def test_it_is_posted_to(caller) -> None:
    assert Client().get(f"/hooks/{caller.alias}/").status_code == 405


@pytest.mark.parametrize("caller", EACH, indirect=True)
def test_shuffled_and_repeated_news_ends_as_in_order(
    caller: Caller, given: Callable[..., list[UUID]]
) -> None:
    kinds = sorted(caller.kinds & NEWS.keys())
    one, two = (given(provider=caller.alias)[0] for _ in range(2))
    calls = [caller.call(told(one, kind, key=f"one-{kind}")) for kind in kinds]
    shuffled = [caller.call(told(two, kind, key=f"two-{kind}")) for kind in kinds * 2]
    random.Random(5).shuffle(shuffled)

    for each in (*calls, *shuffled):
        post(caller, each)

    assert Delivery.objects.get(id=one).state == Delivery.objects.get(id=two).state


@pytest.mark.parametrize("alias", ["nobody", "sandbox", "inbox"])
def test_who_does_not_call_back_has_no_hook(alias) -> None:
    assert Client().post(f"/hooks/{alias}/", b"", content_type="text/plain").status_code == 404


def test_every_provider_that_calls_back_is_asked_here() -> None:
    listening = {
        entry["BACKEND"]
        for alias, entry in configured.DELIVERY_PROVIDERS.items()
        if hasattr(registry.get(alias), "hear")
    }
    listening |= {each.backend for each in OFFERS if hasattr(import_string(each.backend), "hear")}
    assert listening <= {caller.backend for caller in CALLERS}


def test_too_much_is_refused(settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    caller = CALLERS[0]()
    caller.configure(settings)
    posted = caller.call(told(uuid7(), any_of(caller), key="x" * 200))
    assert post(caller, posted).status_code == 413
