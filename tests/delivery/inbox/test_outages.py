"""A hint may be lost, an item never: Redis away, and death at the worst moment."""

import json
import os
import signal
import socket

import pytest
from django.db import connection
from websockets.exceptions import InvalidStatus

from delivery.inbox import hints
from delivery.inbox.hints import Hint
from delivery.inbox.provider import Inbox
from delivery.lifecycle import OutcomeKind
from delivery.models import InboxHead, InboxItem
from notifysite.asgi import application
from tests.delivery.inbox.serving import heard, heard_until, serve, wait_until
from tests.fakes.wire import Wire

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "/api/v1/inbox"


@pytest.fixture
def wire(settings, layer):
    """Redis at the end of a wire that can be cut."""
    wire = Wire(settings.REDIS_URL)
    layers = settings.CHANNEL_LAYERS
    layers["default"]["CONFIG"]["hosts"] = [{"address": wire.url, "socket_timeout": None}]
    settings.CHANNEL_LAYERS = layers
    settings.REDIS_URL = wire.url
    yield wire
    hints.stop()
    wire.close()


def store(person, message_to, count):
    """Hand over in flights of fifty; what became of each."""
    outcomes = []
    for _ in range(count // 50):
        outcomes += Inbox("inbox").send([message_to(person) for _ in range(50)])
    return {outcome.kind for outcome in outcomes}


def resynced(client, since):
    """What a client that knows a number reads to catch up: item numbers, page after page."""
    numbers, page = [], client.get(LIST, {"since": since, "limit": 100}).json()
    numbers += [item["seq"] for item in page["results"]]
    while page["next"]:
        page = client.get(page["next"]).json()
        numbers += [item["seq"] for item in page["results"]]
    return numbers


def test_a_thousand_items_are_stored_while_redis_is_away(ann, message_to, client_of, wire):
    wire.cut()
    assert store(ann, message_to, 1000) == {OutcomeKind.DELIVERED}
    client = client_of(ann)
    assert client.get(f"{LIST}/counts").json()["unread"] == 1000
    assert client.get(LIST).json()["seq"] == 1000
    wire.mend()
    with serve(application) as site, site.tab("ann") as tab:
        assert heard(tab) == {"type": "hello", "seq": 1000, "unread": 1000}
    assert resynced(client, since=0) == list(range(1, 1001))
    assert resynced(client, since=990) == list(range(991, 1001))


def test_an_open_tab_catches_up_when_redis_is_back(ann, message_to, put, client_of, wire):
    with serve(application) as site, site.tab("ann") as tab:
        assert heard(tab)["seq"] == 0
        wire.cut()
        store(ann, message_to, 100)
        wire.mend()

        wait_until(lambda: put(ann) and heard_live(tab))
        put(ann)
        assert heard_until(tab, seq=InboxHead.objects.get().seq)["type"] == "hint"
    assert len(resynced(client_of(ann), since=0)) == InboxItem.objects.count()


def heard_live(tab):
    """Whether a hint comes soon that was carried, not one that the tab's own looks made up for."""
    try:
        return not json.loads(tab.recv(timeout=0.2))["silent"]
    except TimeoutError:
        return False


def test_without_redis_a_socket_is_refused_and_comes_back_later(ann, wire):
    with serve(application) as site:
        wire.cut()
        with pytest.raises(InvalidStatus), site.tab("ann"):
            pass
        wire.mend()
        with site.tab("ann") as tab:
            assert heard(tab)["type"] == "hello"


def test_without_redis_a_stream_says_when_to_come_back(ann, wire):
    with serve(application) as site:
        wire.cut()
        with site.stream("/api/v1/inbox/stream", "ann") as answer:
            assert answer.status_code == 503
            assert answer.headers["Retry-After"] == "5"
            assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_redis_that_never_answers_keeps_no_sender_waiting(ann, put, settings):
    """The listener below accepts and then says nothing, ever: if we waited, this would hang."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"redis://127.0.0.1:{mute.getsockname()[1]}/0"
        config = {"hosts": [{"address": address, "socket_timeout": None}]}
        settings.CHANNEL_LAYERS = {
            "default": {
                "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
                "CONFIG": config,
            }
        }
        for _ in range(20):
            put(ann)
        assert InboxItem.objects.count() == 20
        hints.stop()


def test_an_outage_is_logged_once_and_its_end_too(ann, put, wire, caplog):
    caplog.set_level("INFO", logger="delivery.inbox.hints")
    wire.cut()
    for _ in range(5):
        put(ann)
        hints.settle()
    wire.mend()
    put(ann)
    hints.settle()
    assert [record.message.partition(":")[0] for record in caplog.records] == [
        "inbox hints are dropped until the channel layer answers",
        "inbox hints are carried again",
    ]


def test_death_between_storing_and_hinting_loses_nothing(ann, message_to, client_of):
    message = message_to(ann)
    connection.close()
    child = os.fork()
    if child == 0:
        # The one place where the moment of death must be exact.
        hints.offer = lambda _: os.kill(os.getpid(), signal.SIGKILL)
        list(Inbox("inbox").send([message]))
        os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    assert resynced(client_of(ann), since=0) == [1]
    with serve(application) as site, site.tab("ann") as tab:
        assert heard(tab) == {"type": "hello", "seq": 1, "unread": 1}
        # The row falls due again, for nobody settled it: another worker hands it over.
        [outcome] = Inbox("inbox").send([message])
        assert heard(tab) == {"type": "hint", "seq": 1, "unread": 1, "silent": False}
    assert outcome.kind == OutcomeKind.DELIVERED
    assert resynced(client_of(ann), since=0) == [1]


def test_hints_that_wait_for_one_person_are_folded():
    quiet = Hint(recipient_id=1, seq=5, unread=2, silent=True)
    loud = Hint(recipient_id=1, seq=4, unread=3, silent=False)
    folded = Hint(recipient_id=1, seq=5, unread=2, silent=False)
    assert quiet.joined(loud) == loud.joined(quiet) == folded
    assert quiet.joined(None) == quiet


def test_a_child_process_carries_hints_of_its_own(ann, put):
    put(ann)
    hints.settle()
    child = os.fork()
    if child == 0:
        hints.offer([Hint(recipient_id=ann.id, seq=1, unread=1, silent=True)])
        hints.settle()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
