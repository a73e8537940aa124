"""Sockets over a real server: who may open one, what is told, and when they are closed."""

import json
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.db import connection
from django.urls import path
from websockets.exceptions import ConnectionClosed, InvalidStatus

from delivery.inbox import items
from delivery.inbox.consumers import InboxConsumer
from delivery.inbox.items import Mark
from delivery.models import InboxItem
from notifysite.asgi import application
from preferences.models import Recipient
from tests.delivery.inbox import doorman
from tests.delivery.inbox.serving import heard, heard_until, serve, wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(transactional_db):
    with serve(application) as site:
        yield site


@pytest.fixture
def lively_site(transactional_db):
    """The same, looking after its sockets many times a second."""
    sockets = URLRouter([path("ws/inbox/", InboxConsumer.as_asgi(beat=0.05))])
    with serve(ProtocolTypeRouter({"http": get_asgi_application(), "websocket": sockets})) as site:
        yield site


def status_of(opening):
    with pytest.raises(InvalidStatus) as refused, opening():
        pass
    return refused.value.response.status_code


def closing_code(tab):
    """How the server ends a socket; what it said before is passed over."""
    with pytest.raises(ConnectionClosed):
        heard_until(tab, type="nothing of the kind")
    return tab.close_code


def test_a_tab_is_told_where_the_inbox_stands(ann, put, site):
    put(ann, 2)
    with site.tab("ann") as tab:
        assert heard(tab) == {"type": "hello", "seq": 2, "unread": 2}


def test_a_tab_is_told_of_a_new_item(ann, put, site):
    with site.tab("ann") as tab:
        heard(tab)
        put(ann)
        assert heard(tab) == {"type": "hint", "seq": 1, "unread": 1, "silent": False}


def test_what_comes_in_quiet_hours_asks_for_no_toast(ann, put, site):
    with site.tab("ann") as tab:
        heard(tab)
        put(ann, silent=True)
        assert heard(tab) == {"type": "hint", "seq": 1, "unread": 1, "silent": True}


def test_a_tab_hears_nothing_of_others(ann, bob, put, site):
    with site.tab("ann") as tab:
        heard(tab)
        put(bob)
        put(ann, 3)
        assert heard(tab)["seq"] == 3


def test_tabs_follow_each_other(ann, put, site, client_of):
    first, second = put(ann, 2)
    with site.tab("ann") as one, site.tab("ann") as other:
        heard(one), heard(other)
        one.send(json.dumps({"type": "read", "ids": [str(first)]}))
        told = {"type": "hint", "seq": 3, "unread": 1, "silent": True}
        assert (heard_until(one, seq=3), heard_until(other, seq=3)) == (told, told)
        client_of(ann).post("/api/v1/inbox/archive", {"ids": [str(second)]})
        told = {"type": "hint", "seq": 4, "unread": 0, "silent": True}
        # Whoever looks after a tab may have told it of 3 before its hint came.
        assert (heard_until(one, seq=4), heard_until(other, seq=4)) == (told, told)
    changes = client_of(ann).get("/api/v1/inbox", {"since": 2}).json()["results"]
    assert [item["id"] for item in changes] == [str(first), str(second)]


def test_a_tab_marks_only_the_items_of_its_person(ann, bob, put, site):
    [hers] = put(ann)
    with site.tab("bob") as tab:
        heard(tab)
        tab.send(json.dumps({"type": "read", "ids": [str(hers)]}))
        tab.send(json.dumps({"type": "ping"}))
        assert heard(tab) == {"type": "pong"}
    assert InboxItem.objects.get().read_at is None


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("{", "malformed_json"),
        ('{"type": "ping", "type": "ping"}', "duplicate_key"),
        ('{"type": "shout"}', "unknown_message"),
        ('{"type": "subscribe", "ids": ["1"]}', "unknown_message"),
        ('{"type": ["read"], "ids": []}', "unknown_message"),
        ('{"type": "read"}', "unknown_message"),
        ('{"type": "read", "ids": []}', "bad_ids"),
        ('{"type": "read", "ids": ["x"]}', "bad_ids"),
        ('{"type": "read", "ids": [1]}', "bad_ids"),
        ("[]", "unknown_message"),
        (b"\xff", "malformed_json"),
    ],
)
def test_what_is_no_message_is_answered_and_survived(ann, site, frame, code):
    with site.tab("ann") as tab:
        heard(tab)
        tab.send(frame)
        assert heard(tab) == {"type": "error", "code": code}
        tab.send('{"type": "ping"}')
        assert heard(tab) == {"type": "pong"}


@pytest.mark.parametrize("token", ["", "nobody"])
def test_nobody_is_let_in_without_a_token(ann, site, token):
    assert status_of(lambda: site.tab(token)) == 403


@pytest.mark.parametrize(
    "origin",
    [None, "null", "https://evil.test", "https://testserver.evil.test", "http://evil.test:8000"],
)
@pytest.mark.parametrize("hosts", [["testserver"], ["*"]])
def test_pages_elsewhere_may_not_open_a_socket(ann, site, settings, hosts, origin):
    settings.ALLOWED_HOSTS = hosts
    assert status_of(lambda: site.tab("ann", origin=origin)) == 403


@pytest.mark.parametrize(
    "origin", ["http://testserver", "https://testserver:8443", "https://app.shop.test"]
)
def test_pages_of_our_hosts_and_trusted_origins_may(ann, site, settings, origin):
    settings.CSRF_TRUSTED_ORIGINS = ["https://*.shop.test"]
    with site.tab("ann", origin=origin) as tab:
        assert heard(tab)["type"] == "hello"


def test_the_offered_subprotocol_is_taken(ann, site):
    with site.tab("ann", subprotocols=["other", "notifysite.inbox"]) as tab:
        assert tab.subprotocol == "notifysite.inbox"


def test_there_is_no_socket_elsewhere(site):
    from websockets.sync.client import connect

    address = f"ws://127.0.0.1:{site.port}/ws/else/"
    assert status_of(lambda: connect(address, origin="http://testserver", proxy=None)) == 403


def test_a_frame_over_eight_kilobytes_ends_the_socket(ann, site):
    with site.tab("ann") as tab:
        tab.send("x" * 8193)
        assert closing_code(tab) == 1009


def test_the_thirty_first_message_of_a_minute_ends_the_socket(ann, site):
    with site.tab("ann") as tab:
        heard(tab)
        for _ in range(30):
            tab.send('{"type": "ping"}')
        assert [heard(tab)["type"] for _ in range(30)] == ["pong"] * 30
        tab.send('{"type": "ping"}')
        assert closing_code(tab) == 1008


def test_a_person_has_ten_seats_and_one_given_back_is_free(ann, bob, site):
    with ExitStack() as open_tabs:
        tabs = [open_tabs.enter_context(site.tab("ann")) for _ in range(10)]
        assert [heard(tab)["type"] for tab in tabs] == ["hello"] * 10
        assert status_of(lambda: site.tab("ann")) == 403
        with site.tab("bob") as other:
            assert heard(other)["type"] == "hello"
        tabs.pop().close()
        wait_until(lambda: is_let_in(site, "ann"))


def is_let_in(site, token):
    try:
        with site.tab(token):
            return True
    except InvalidStatus:
        return False


def test_a_socket_ends_when_its_token_does(ann, bob, lively_site):
    with lively_site.tab("ann") as hers, lively_site.tab("bob") as his:
        heard(hers), heard(his)
        doorman.revoked.add("ann")
        assert closing_code(hers) == 4401
        his.send('{"type": "ping"}')
        assert heard(his) == {"type": "pong"}


def test_a_socket_ends_when_its_person_is_erased(ann, lively_site):
    with lively_site.tab("ann") as tab:
        heard(tab)
        Recipient.objects.filter(id=ann.id).update(
            user_id=None, data_key=None, erased_at=datetime.now(UTC)
        )
        assert closing_code(tab) == 4401


def test_a_snooze_that_ends_is_told_though_nothing_was_sent(ann, put, lively_site):
    [id] = put(ann)
    items.mark(ann.id, Mark.SNOOZE, [id], until=datetime(2100, 1, 1, tzinfo=UTC))
    with lively_site.tab("ann") as tab:
        assert heard(tab) == {"type": "hello", "seq": 2, "unread": 0}
        InboxItem.objects.update(snoozed_until=datetime.now(UTC))
        assert heard_until(tab, unread=1)["silent"] is True


def test_no_database_connection_is_held_by_open_sockets_and_streams(ann, put, site):
    put(ann)
    with ExitStack() as open_tabs:
        tabs = [open_tabs.enter_context(site.tab("ann")) for _ in range(5)]
        assert [heard(tab)["type"] for tab in tabs] == ["hello"] * 5
        lines = open_tabs.enter_context(site.stream("/api/v1/inbox/stream", "ann")).iter_lines()
        assert [next(lines) for _ in range(4)][-1] == "event: hello"
        wait_until(lambda: others_connected() == 0)


def others_connected():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend'"
        )
        return cursor.fetchone()[0]
