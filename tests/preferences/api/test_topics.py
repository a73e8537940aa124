"""Topics by the API: editors' systems make them, services subscribe people, people themselves."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from delivery.models import AuditEntry
from preferences.models import Recipient, Subscription, Topic
from tests.factories import make_recipient, make_topic

pytestmark = pytest.mark.django_db

LIST, ROSES = "/api/v1/topics", "/api/v1/topics/roses"
PEOPLE = f"{ROSES}/subscribers"


@pytest.fixture
def service(client_with: Callable[..., APIClient]) -> APIClient:
    return client_with("users:read", "users:write", "catalog:read", "catalog:write")


def faults(answer: Any) -> list[tuple[str, str]]:
    assert answer.status_code == 422
    assert answer["Content-Type"] == "application/problem+json"
    return [(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]]


def deeds() -> list[str]:
    """What was done to topics, oldest first."""
    done = AuditEntry.objects.filter(action__startswith="topic.").order_by("id")
    return list(done.values_list("action", flat=True))


def test_a_topic_is_made_shown_changed_and_removed(service: APIClient):
    german = {"de": {"name": "Rosen"}}

    made = service.post(LIST, {"key": "roses", "name": "Roses", "translations": german})
    assert made.status_code == 201
    assert made.json() == {
        "key": "roses",
        "name": "Roses",
        "description": "",
        "translations": german,
        "created_at": made.json()["created_at"],
        "subscribers": 0,
    }

    changed = service.patch(ROSES, {"description": "What they love."})
    assert changed.json() == {**made.json(), "description": "What they love."}
    assert service.get(ROSES).json() == changed.json()

    assert service.delete(ROSES).status_code == 204
    assert service.get(ROSES).status_code == 404
    assert deeds() == ["topic.added", "topic.changed", "topic.deleted"]


def test_a_topic_with_subscribers_may_be_removed(service: APIClient):
    make_topic("roses"), make_recipient("ann")
    service.post(PEOPLE, {"users": ["ann"]})

    assert service.delete(ROSES).status_code == 204

    assert not Subscription.objects.exists()


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, [("/name", "required"), ("/key", "required")]),
        ({"key": "Roses!", "name": "Roses"}, [("/key", "invalid")]),
        ({"key": "roses", "name": ""}, [("/name", "blank")]),
        ({"key": "roses", "name": "x" * 121}, [("/name", "max_length")]),
        ({"key": "roses", "name": "Roses", "colour": "red"}, [("/colour", "unknown_field")]),
        (
            {"key": "roses", "name": "Roses", "translations": {"de": {"nom": "Rosen"}}},
            [("/translations/de/nom", "unknown_field")],
        ),
        ({"key": "taken", "name": "Taken"}, [("/key", "taken")]),
    ],
)
def test_a_topic_that_cannot_be_is_told_what_is_wrong(
    service: APIClient, body: Any, wrong: list[tuple[str, str]]
):
    make_topic("taken")

    assert faults(service.post(LIST, body)) == wrong
    assert Topic.objects.count() == 1


def test_the_key_of_a_topic_stays(service: APIClient):
    make_topic("roses")

    assert faults(service.patch(ROSES, {"key": "ferns"})) == [("/key", "unknown_field")]
    assert service.patch(ROSES, {}).status_code == 200
    assert deeds() == []


@pytest.mark.parametrize(
    ("method", "address", "body"),
    [
        ("get", ROSES, None),
        ("patch", ROSES, {"name": "Roses"}),
        ("delete", ROSES, None),
        ("get", PEOPLE, None),
        ("post", PEOPLE, {"users": ["ann"]}),
        ("delete", PEOPLE, {"users": ["ann"]}),
    ],
)
def test_a_topic_there_is_not_is_not_found(
    service: APIClient, method: str, address: str, body: Any
):
    make_recipient("ann")

    answer = getattr(service, method)(address, body)

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_topics_are_listed_by_key_page_by_page(service: APIClient):
    for key in ("roses", "moss", "ferns"):
        make_topic(key)

    first = service.get(LIST, {"limit": 2}).json()
    second = service.get(first["next"]).json()

    assert [one["key"] for one in first["results"]] == ["ferns", "moss"]
    assert [one["key"] for one in second["results"]] == ["roses"]
    assert (first["previous"], second["next"]) == (None, None)
    assert service.get(second["previous"]).json()["results"] == first["results"]
    assert faults(service.get(LIST, {"cursor": "nonsense"})) == [("/cursor", "invalid_cursor")]


def test_services_subscribe_and_unsubscribe_people(service: APIClient):
    make_topic("roses")
    for user_id in ("ann", "bob", "cleo"):
        make_recipient(user_id)

    assert service.post(PEOPLE, {"users": ["cleo", "ann"]}).json() == {"subscribed": 2}
    assert service.post(PEOPLE, {"users": ["ann", "bob"]}).json() == {"subscribed": 1}
    assert service.get(PEOPLE).json()["results"] == ["ann", "bob", "cleo"]
    assert service.get(ROSES).json()["subscribers"] == 3

    assert service.delete(PEOPLE, {"users": ["ann", "nobody"]}).json() == {"unsubscribed": 1}
    assert service.get(PEOPLE).json()["results"] == ["bob", "cleo"]


def test_subscribers_are_listed_page_by_page(service: APIClient):
    make_topic("roses")
    users = [str(make_recipient().user_id) for _ in range(5)]
    service.post(PEOPLE, {"users": users})

    seen, address = [], f"{PEOPLE}?limit=2"
    while address:
        page = service.get(address).json()
        seen.append(page["results"])
        address = page["next"]

    assert seen == [users[:2], users[2:4], users[4:]]
    assert service.get(page["previous"]).json()["results"] == users[2:4]


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ([], [("", "invalid_type")]),
        ({}, [("/users", "invalid_length")]),
        ({"users": []}, [("/users", "invalid_length")]),
        ({"users": "ann"}, [("/users", "invalid_length")]),
        ({"users": ["ann"] * 1001}, [("/users", "invalid_length")]),
        ({"users": ["ann"], "topic": "roses"}, [("/topic", "unknown_field")]),
        (
            {"users": ["ann", 3, "", "a/b"]},
            [
                ("/users/1", "invalid_type"),
                ("/users/2", "invalid_length"),
                ("/users/3", "invalid_character"),
            ],
        ),
        ({"users": ["nobody", "ann"]}, [("/users/0", "unknown_user")]),
        (
            {"users": ["nobody", "ann", "no-one"]},
            [("/users/0", "unknown_user"), ("/users/2", "unknown_user")],
        ),
    ],
)
def test_nobody_is_subscribed_where_anything_is_wrong(
    service: APIClient, body: Any, wrong: list[tuple[str, str]]
):
    make_topic("roses"), make_recipient("ann")

    assert faults(service.post(PEOPLE, body)) == wrong
    assert not Subscription.objects.exists()


def test_what_a_call_needs_of_its_key(client_with: Callable[..., APIClient]):
    make_topic("roses"), make_recipient("ann")
    body = {"users": ["ann"]}
    calls: dict[tuple[str, str], tuple[str, Any]] = {
        ("get", LIST): ("catalog:read", None),
        ("post", LIST): ("catalog:write", {"key": "moss", "name": "Moss"}),
        ("get", ROSES): ("catalog:read", None),
        ("patch", ROSES): ("catalog:write", {"name": "Rosen"}),
        ("get", PEOPLE): ("users:read", None),
        ("post", PEOPLE): ("users:write", body),
        ("delete", PEOPLE): ("users:write", body),
        ("delete", ROSES): ("catalog:write", None),
    }
    scopes = ("catalog:read", "catalog:write", "users:read", "users:write")
    for (method, address), (wanted, said) in calls.items():
        others = client_with(*(scope for scope in scopes if scope != wanted))
        assert getattr(others, method)(address, said).status_code == 403
        assert getattr(client_with(wanted), method)(address, said).status_code < 300


def test_preferences_show_and_replace_topics(
    service: APIClient, as_person: Callable[[Recipient], APIClient]
):
    ann = make_recipient("ann")
    make_topic("roses"), make_topic("ferns")
    theirs, mine = "/api/v1/users/ann/preferences", "/api/v1/me/preferences"
    assert service.get(theirs).json()["topics"] == []

    changed = service.patch(theirs, {"topics": ["roses", "ferns"]})
    assert changed.json()["topics"] == ["ferns", "roses"]
    assert as_person(ann).get(mine).json()["topics"] == ["ferns", "roses"]

    assert as_person(ann).patch(mine, {"topics": ["roses"]}).json()["topics"] == ["roses"]
    assert service.patch(theirs, {"locale": "de"}).json()["topics"] == ["roses"]
    assert service.get(PEOPLE).json()["results"] == ["ann"]


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        (["moss"], [("/topics/0", "unknown_topic")]),
        (["roses", "moss", 7], [("/topics/1", "unknown_topic"), ("/topics/2", "unknown_topic")]),
        ("roses", [("/topics", "invalid_type")]),
        (["roses"] * 1001, [("/topics", "invalid_type")]),
    ],
)
def test_a_topic_nobody_knows_changes_nothing(
    service: APIClient, said: Any, wrong: list[tuple[str, str]]
):
    make_topic("roses"), make_recipient("ann")

    answer = service.patch("/api/v1/users/ann/preferences", {"topics": said, "locale": "de"})

    assert faults(answer) == wrong
    assert not Subscription.objects.exists()
    assert Recipient.objects.get().locale == ""


def test_a_person_sees_every_topic_in_their_language_and_which_are_theirs(
    as_person: Callable[[Recipient], APIClient],
):
    make_topic("roses", translations={"de": {"name": "Rosen"}})
    make_topic("ferns", description="In the shade.")
    client = as_person(make_recipient("ann", locale="de"))
    client.patch("/api/v1/me/preferences", {"topics": ["roses"]})

    assert client.get("/api/v1/me/topics").json() == {
        "results": [
            {
                "key": "ferns",
                "name": "Ferns",
                "description": "In the shade.",
                "subscribed": False,
            },
            {"key": "roses", "name": "Rosen", "description": "", "subscribed": True},
        ],
        "next": None,
        "previous": None,
    }


def test_only_people_see_their_topics(service: APIClient):
    assert service.get("/api/v1/me/topics").status_code == 401


@pytest.mark.parametrize("count", [1, 40])
@pytest.mark.parametrize(
    ("address", "queries"), [(LIST, 1), (ROSES, 2), (PEOPLE, 2), ("/api/v1/me/topics", 3)]
)
def test_the_number_of_queries_does_not_grow(
    service: APIClient,
    as_person: Callable[[Recipient], APIClient],
    django_assert_num_queries: Callable[..., Any],
    count: int,
    address: str,
    queries: int,
):
    make_topic("roses")
    for _ in range(count):
        make_topic()
    people = [make_recipient() for _ in range(count)]
    service.post(PEOPLE, {"users": [person.user_id for person in people]})
    client = as_person(people[0]) if "/me/" in address else service
    client.get(address)

    with django_assert_num_queries(queries):
        assert client.get(address).status_code == 200
