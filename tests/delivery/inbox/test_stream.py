"""The event stream over a real server: hints as events, and a way back for a lost connection."""

import json
from datetime import UTC, datetime

import httpx
import pytest

from delivery.inbox import items, seats
from delivery.inbox.items import Mark
from delivery.models import InboxItem
from notifysite.asgi import application
from tests.delivery.inbox import doorman
from tests.delivery.inbox.serving import serve

pytestmark = pytest.mark.django_db(transaction=True)

STREAM = "/api/v1/inbox/stream"
FAST = "/fast/stream"


@pytest.fixture
def site(transactional_db):
    with serve(application) as site:
        yield site


class Events:
    """The events of a stream, one at a time."""

    def __init__(self, answer):
        self._lines = answer.iter_lines()

    def next_block(self):
        block = []
        while line := next(self._lines):
            block.append(line)
        return block

    def next(self):
        """The next event as (id, kind, data); comments and retry are passed over."""
        block = self.next_block()
        while not block[0].startswith("id:"):
            block = self.next_block()
        id, kind, data = (line.partition(": ")[2] for line in block)
        return int(id), kind, json.loads(data)

    def rest(self):
        return list(self._lines)


def test_a_stream_says_where_the_inbox_stands_and_then_what_is_new(ann, put, site):
    put(ann, 2)
    with site.stream(STREAM, "ann") as answer:
        events = Events(answer)
        assert answer.headers["Content-Type"] == "text/event-stream"
        assert answer.headers["Cache-Control"] == "no-store"
        assert events.next_block() == ["retry: 3000"]
        assert events.next() == (2, "hello", {"seq": 2, "unread": 2})
        put(ann)
        assert events.next() == (3, "hint", {"seq": 3, "unread": 3, "silent": False})
        put(ann, silent=True)
        assert events.next() == (4, "hint", {"seq": 4, "unread": 4, "silent": True})


def test_a_browser_that_comes_back_is_told_only_if_it_missed_something(ann, put, site):
    put(ann, 2)
    with site.stream(STREAM, "ann", **{"Last-Event-ID": "1"}) as answer:
        assert Events(answer).next() == (2, "hint", {"seq": 2, "unread": 2, "silent": True})
    with site.stream(STREAM, "ann", **{"Last-Event-ID": "2"}) as answer:
        events = Events(answer)
        events.next_block()
        put(ann)
        assert events.next() == (3, "hint", {"seq": 3, "unread": 3, "silent": False})


@pytest.mark.parametrize("known", ["x", "-1", "9" * 30])
def test_a_last_event_id_of_nobody_is_passed_over(ann, site, known):
    with site.stream(STREAM, "ann", **{"Last-Event-ID": known}) as answer:
        assert Events(answer).next() == (0, "hello", {"seq": 0, "unread": 0})


def test_a_quiet_stream_beats(ann, site):
    with site.stream(FAST, "ann") as answer:
        events = Events(answer)
        assert events.next() == (0, "hello", {"seq": 0, "unread": 0})
        assert [events.next_block() for _ in range(5)] == [[": beat"]] * 5


def test_a_stream_ends_when_its_token_does(ann, site):
    with site.stream(FAST, "ann") as answer:
        events = Events(answer)
        events.next()
        doorman.revoked.add("ann")
        assert set(events.rest()) <= {": beat", ""}


def test_what_no_hint_told_is_found_by_looking(ann, put, site):
    [id] = put(ann)
    items.mark(ann.id, Mark.SNOOZE, [id], until=datetime(2100, 1, 1, tzinfo=UTC))
    with site.stream(FAST, "ann") as answer:
        events = Events(answer)
        assert events.next() == (2, "hello", {"seq": 2, "unread": 0})
        InboxItem.objects.update(snoozed_until=datetime.now(UTC))
        assert events.next() == (2, "hint", {"seq": 2, "unread": 1, "silent": True})


def test_nobody_is_let_in_without_a_token(ann, site):
    answer = httpx.get(f"{site.url}{STREAM}", trust_env=False)
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    assert answer.headers["Content-Type"] == "application/problem+json"


async def test_a_stream_takes_one_of_the_ten_seats(ann, site):
    for number in range(seats.MOST):
        assert await seats.take(ann.id, f"tab-{number}")
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{site.url}{STREAM}?token=ann")
        assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
        await seats.leave(ann.id, "tab-0")
        async with client.stream("GET", f"{site.url}{STREAM}?token=ann") as answer:
            assert answer.status_code == 200


async def test_a_seat_is_kept_by_its_holder_when_all_are_taken(ann):
    for number in range(seats.MOST):
        assert await seats.take(ann.id, f"tab-{number}")
    assert await seats.take(ann.id, "tab-3")
    assert not await seats.take(ann.id, "another")
    assert not await seats.take(ann.id, "another")
    for number in range(seats.MOST):
        await seats.leave(ann.id, f"tab-{number}")
    assert await seats.take(ann.id, "another")
    await seats.leave(ann.id, "another")
