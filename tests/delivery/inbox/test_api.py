"""The inbox API: one's own items, in known shapes, at a fixed number of queries."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from delivery.contracts import Action, Content
from delivery.inbox import items
from delivery.inbox.items import Mark
from delivery.models import InboxItem
from notifysite.plumbing.ids import uuid7

LIST = "/api/v1/inbox"
LATER = (datetime.now(UTC) + timedelta(days=1)).isoformat().replace("+00:00", "Z")
LONG_AGO = "2020-01-01T00:00:00Z"


def titles(answer):
    return [item["title"] for item in answer.json()["results"]]


def problem(answer):
    body = answer.json()
    faults = [(fault["pointer"], fault["code"]) for fault in body["errors"]]
    return answer.status_code, body["code"], faults


def stamp(moment):
    return moment.isoformat().replace("+00:00", "Z")


def test_an_item_has_the_documented_shape(ann, put, client_of):
    said = Content(
        title="Shipped",
        text="On its way",
        url="https://shop.test/1",
        image="https://shop.test/1.png",
        icon="parcel",
        actions=(Action(label="Track", url="https://shop.test/t"),),
    )
    [id] = put(ann, content=said, priority=2)
    row = InboxItem.objects.get()
    expected = {
        "id": str(id),
        "seq": 1,
        "changed_seq": 1,
        "notification_id": str(row.notification_id),
        "title": "Shipped",
        "body": "On its way",
        "url": "https://shop.test/1",
        "image": "https://shop.test/1.png",
        "icon": "parcel",
        "actions": [
            {"label": "Track", "url": "https://shop.test/t", "done_at": None, "done_by": None}
        ],
        "category": "orders",
        "type": "order_shipped",
        "priority": "high",
        "silent": False,
        "created_at": stamp(row.created_at),
        "expires_at": None,
        "seen_at": None,
        "read_at": None,
        "archived_at": None,
        "snoozed_until": None,
    }
    client = client_of(ann)
    assert client.get(LIST).json() == {
        "results": [expected],
        "next": None,
        "previous": None,
        "seq": 1,
        "unread": 1,
    }
    assert client.get(f"{LIST}/{id}").json() == expected


def test_the_newest_come_first_and_pages_follow_the_cursor(ann, put, client_of):
    put(ann, 5)
    client = client_of(ann)
    first = client.get(LIST, {"limit": 2})
    put(ann, 1)
    second = client.get(first.json()["next"])
    third = client.get(second.json()["next"])
    assert titles(first) == ["Message 5", "Message 4"]
    assert titles(second) == ["Message 3", "Message 2"]
    assert titles(third) == ["Message 1"]
    assert third.json()["next"] is None
    assert titles(client.get(third.json()["previous"])) == ["Message 3", "Message 2"]


def test_an_empty_inbox_is_an_empty_list(ann, client_of):
    empty = {"results": [], "next": None, "previous": None, "seq": 0, "unread": 0}
    assert client_of(ann).get(LIST).json() == empty


def test_the_list_is_filtered_by_shelf_and_category(ann, put, client_of):
    read, archived, snoozed, _fresh = put(ann, 4)
    put(ann, category="security")
    items.mark(ann.id, Mark.READ, [read])
    items.mark(ann.id, Mark.ARCHIVE, [archived])
    items.mark(ann.id, Mark.SNOOZE, [snoozed], until=datetime.now(UTC) + timedelta(days=1))
    client = client_of(ann)
    lists = {
        shelf: titles(client.get(LIST, {"filter": shelf, "category": "orders"}))
        for shelf in ("all", "unseen", "unread", "read", "archived", "snoozed")
    }
    assert lists == {
        "all": ["Message 4", "Message 1"],
        "unseen": ["Message 4"],
        "unread": ["Message 4"],
        "read": ["Message 1"],
        "archived": ["Message 2"],
        "snoozed": ["Message 3"],
    }
    assert titles(client.get(LIST, {"category": "security"})) == ["Message 1"]


def test_since_tells_every_change_oldest_first(ann, put, client_of):
    first, second, third = put(ann, 3)
    client = client_of(ann)
    known = client.get(LIST).json()["seq"]
    items.mark(ann.id, Mark.ARCHIVE, [second])
    items.mark(ann.id, Mark.READ, [first])
    changes = client.get(LIST, {"since": known, "limit": 1})
    assert [item["id"] for item in changes.json()["results"]] == [str(second)]
    assert changes.json()["seq"] == 5
    rest = client.get(changes.json()["next"])
    assert [item["id"] for item in rest.json()["results"]] == [str(first)]
    assert titles(client.get(LIST, {"since": 5})) == []
    assert third not in (first, second)


def test_counts_tell_every_shelf_in_all_and_by_category(ann, put, client_of):
    first, _ = put(ann, 2)
    put(ann, category="security")
    items.mark(ann.id, Mark.READ, [first])
    orders = {"all": 2, "unseen": 1, "unread": 1, "read": 1, "archived": 0, "snoozed": 0}
    security = {"all": 1, "unseen": 1, "unread": 1, "read": 0, "archived": 0, "snoozed": 0}
    total = {name: orders[name] + security[name] for name in orders}
    assert client_of(ann).get(f"{LIST}/counts").json() == {
        **total,
        "categories": {"orders": orders, "security": security},
    }


def test_one_item_is_changed_in_one_call(ann, put, client_of):
    [id] = put(ann)
    answer = client_of(ann).patch(f"{LIST}/{id}", {"read": True, "snoozed_until": LATER})
    row = InboxItem.objects.get()
    assert answer.status_code == 200
    assert answer.json()["read_at"] == stamp(row.read_at)
    assert answer.json()["seen_at"] == stamp(row.seen_at)
    assert answer.json()["snoozed_until"] == LATER
    back = client_of(ann).patch(f"{LIST}/{id}", {"read": False, "snoozed_until": None}).json()
    assert (back["read_at"], back["snoozed_until"]) == (None, None)
    assert back["seen_at"] == stamp(row.seen_at)
    assert back["changed_seq"] == 5


@pytest.mark.parametrize("mark", [mark for mark in Mark if mark is not Mark.SNOOZE])
def test_many_are_marked_in_one_call(ann, put, client_of, mark):
    ids = put(ann, 3)
    opposite = {
        Mark.UNREAD: (Mark.READ, None),
        Mark.UNARCHIVE: (Mark.ARCHIVE, None),
        Mark.UNSNOOZE: (Mark.SNOOZE, datetime.now(UTC) + timedelta(days=1)),
    }
    if mark in opposite:
        change, until = opposite[mark]
        items.mark(ann.id, change, ids, until=until)
    answer = client_of(ann).post(f"{LIST}/{mark}", {"ids": [str(ids[0]), str(ids[2])]})
    assert (answer.status_code, answer.json()["changed"]) == (200, 2)
    assert client_of(ann).post(f"{LIST}/{mark}", {"all": True}).json()["changed"] == 1


def test_many_are_snoozed_until_a_time(ann, put, client_of):
    put(ann, 3)
    answer = client_of(ann).post(f"{LIST}/snooze", {"all": True, "up_to": 2, "until": LATER})
    assert answer.json() == {"changed": 2, "seq": 5, "unread": 1}
    shelf = client_of(ann).get(LIST, {"filter": "snoozed"})
    assert [item["snoozed_until"] for item in shelf.json()["results"]] == [LATER, LATER]


def test_the_items_of_another_do_not_exist(ann, bob, put, client_of):
    [hers] = put(ann)
    client = client_of(bob)
    assert problem(client.get(f"{LIST}/{hers}")) == (404, "not_found", [])
    assert problem(client.patch(f"{LIST}/{hers}", {"read": True})) == (404, "not_found", [])
    assert client.post(f"{LIST}/read", {"ids": [str(hers)]}).json()["changed"] == 0
    assert client.post(f"{LIST}/archive", {"all": True}).json()["changed"] == 0
    assert client.get(LIST, {"since": 0}).json()["results"] == []
    assert client.get(f"{LIST}/counts").json()["categories"] == {}
    row = InboxItem.objects.get()
    assert [row.seen_at, row.read_at, row.archived_at] == [None] * 3


def test_an_item_that_never_was_is_not_found(ann, client_of):
    assert problem(client_of(ann).patch(f"{LIST}/{uuid7()}", {"read": True}))[0] == 404


@pytest.mark.parametrize(
    "path", [LIST, f"{LIST}/counts", f"{LIST}/{uuid7(0)}"], ids=["list", "counts", "item"]
)
def test_nobody_is_let_in_without_a_token(db, path):
    answer = APIClient().get(path)
    assert problem(answer) == (401, "not_authenticated", [])
    assert answer["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ({"filtre": "all"}, ("/filtre", "unknown_field")),
        ({"filter": "lost"}, ("/filter", "invalid_choice")),
        ({"limit": "101"}, ("/limit", "max_value")),
        ({"limit": "0"}, ("/limit", "min_value")),
        ({"since": "-1"}, ("/since", "min_value")),
        ({"since": str(2**63)}, ("/since", "max_value")),
        ({"since": "1", "filter": "read"}, ("/filter", "excluded")),
        ({"cursor": "abc"}, ("/cursor", "invalid")),
        ({"cursor": "cD1kcm9w"}, ("/cursor", "invalid")),  # p=drop
    ],
)
def test_a_wrong_query_is_explained(ann, client_of, query, fault):
    assert problem(client_of(ann).get(LIST, query)) == (422, "validation_failed", [fault])


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({}, ("", "empty")),
        ({"red": True}, ("/red", "unknown_field")),
        ({"seen": False}, ("/seen", "not_reversible")),
        ({"read": "perhaps"}, ("/read", "invalid")),
        ({"snoozed_until": LONG_AGO}, ("/snoozed_until", "past")),
        ({"snoozed_until": "2999-01-01T00:00:00Z"}, ("/snoozed_until", "too_far")),
    ],
)
def test_a_wrong_change_is_explained(ann, put, client_of, body, fault):
    [id] = put(ann)
    answer = client_of(ann).patch(f"{LIST}/{id}", body)
    assert problem(answer) == (422, "validation_failed", [fault])


@pytest.mark.parametrize(
    ("mark", "body", "fault"),
    [
        ("read", {}, ("", "ids_or_all")),
        ("read", {"all": False}, ("", "ids_or_all")),
        ("read", {"ids": [str(uuid7())], "all": True}, ("", "ids_or_all")),
        ("read", {"ids": []}, ("/ids", "min_length")),
        ("read", {"ids": [str(uuid7())] * 1001}, ("/ids", "max_length")),
        ("read", {"ids": ["x"]}, ("/ids/0", "invalid")),
        ("read", {"ids": [str(uuid7())], "up_to": 3}, ("/up_to", "excluded")),
        ("read", {"all": True, "until": LATER}, ("/until", "unknown_field")),
        ("snooze", {"all": True}, ("/until", "required")),
        ("snooze", {"all": True, "until": LONG_AGO}, ("/until", "past")),
    ],
)
def test_a_wrong_mark_is_explained(ann, client_of, mark, body, fault):
    answer = client_of(ann).post(f"{LIST}/{mark}", body)
    assert problem(answer) == (422, "validation_failed", [fault])


def queries_of(call):
    with CaptureQueriesContext(connection) as queries:
        assert call().status_code == 200
    return len(queries)


def test_a_page_costs_three_queries_whatever_is_on_it(ann, put, client_of):
    client = client_of(ann)
    put(ann)
    one = queries_of(lambda: client.get(LIST, {"limit": 50}))
    put(ann, 49)
    fifty = queries_of(lambda: client.get(LIST, {"limit": 50}))
    assert len(client.get(LIST, {"limit": 50}).json()["results"]) == 50
    assert (one, fifty) == (3, 3)  # who, where it stands, the items


def test_counts_cost_two_queries_whatever_is_counted(ann, put, client_of):
    client = client_of(ann)
    put(ann, 50)
    assert queries_of(lambda: client.get(f"{LIST}/counts")) == 2


def test_a_mark_costs_the_same_for_one_and_for_fifty(ann, put, client_of):
    client = client_of(ann)
    ids = [str(id) for id in put(ann, 51)]
    one = queries_of(lambda: client.post(f"{LIST}/read", {"ids": ids[:1]}))
    fifty = queries_of(lambda: client.post(f"{LIST}/read", {"ids": ids[1:]}))
    assert one == fifty


def test_links_of_pages_stay_on_this_address(ann, put, client_of):
    put(ann, 2)
    link = urlsplit(client_of(ann).get(LIST, {"limit": 1}).json()["next"])
    assert (link.scheme, link.netloc, link.path) == ("http", "testserver", LIST)
