"""Phones and browsers from the API to the push service and back, each by its own provider."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone
from rest_framework.test import APIClient

from delivery import channels, registry, routing
from delivery.channels import IN_APP, MOBILE_PUSH, WEB_PUSH
from delivery.inbox import items
from delivery.inbox.items import Mark
from delivery.lifecycle import Reason, State
from delivery.models import Delivery, Suppression
from notifications.catalog import versions
from notifications.models import Decision, Notification
from notifications.words import Priority
from preferences.models import Address, Category, Recipient
from tests.delivery.providers.stages.base import offered
from tests.factories import make_category, make_recipient, make_type
from tests.fakes import fcm_service
from tests.fakes.apns_service import ApnsService, refusal
from tests.fakes.fcm_service import FcmService
from tests.fakes.push_service import PushService
from tests.fakes.service import DROP, HANG, Reply, Service

pytestmark = pytest.mark.django_db

Run = Callable[[], int]
WORDS = {
    "title": "Order {{ data.number }} shipped",
    "body": "Soon with you",
    "url": "https://example.com/orders/{{ data.number }}",
}


class Way:
    """One push service with its devices."""

    channel = MOBILE_PUSH
    alias: str
    gone: Reply

    def __init__(self, service: Service) -> None:
        self.service: Any = service

    def device(self, answer: Any = None) -> dict[str, Any]:
        """What an app or a page registers; the service always answers so for it."""
        raise NotImplementedError

    @property
    def titles(self) -> list[str]:
        """What was taken."""
        raise NotImplementedError

    @property
    def badges(self) -> list[int | None]:
        """What each that was taken does to an iPhone's icon."""
        raise NotImplementedError


class ByFcm(Way):
    alias = "fcm"
    gone = fcm_service.UNREGISTERED

    def device(self, answer: Any = None) -> dict[str, Any]:
        return {
            "channel": "mobile_push",
            "kind": "fcm",
            "token": self.service.phone(answer=answer),
        }

    @property
    def titles(self) -> list[str]:
        return [sent["notification"]["title"] for sent in self.service.sent]

    @property
    def badges(self) -> list[int | None]:
        return [sent["apns"]["payload"]["aps"].get("badge") for sent in self.service.sent]


class ByApns(Way):
    alias = "apns"
    gone = refusal(410, "Unregistered", timestamp=4_000_000_000_000)

    def device(self, answer: Any = None) -> dict[str, Any]:
        return {
            "channel": "mobile_push",
            "kind": "apns",
            "token": self.service.device(answer=answer),
        }

    @property
    def titles(self) -> list[str]:
        return [sent.payload["aps"]["alert"]["title"] for sent in self.service.sent]

    @property
    def badges(self) -> list[int | None]:
        return [sent.payload["aps"].get("badge") for sent in self.service.sent]


class ByWebPush(Way):
    alias = "webpush"
    channel = WEB_PUSH
    gone = Reply(410)

    def device(self, answer: Any = None) -> dict[str, Any]:
        return {
            "channel": "web_push",
            "subscription": self.service.browser(answer=answer).subscription,
        }

    @property
    def titles(self) -> list[str]:
        return [pushed.payload["title"] for pushed in self.service.pushed]


Ways = dict[str, Way]


@pytest.fixture
def ways(settings: Any) -> Iterator[Ways]:
    """All three, each configured as its variables would configure it."""
    with ExitStack() as closing:
        key = settings.WEBPUSH_SETTINGS["VAPID_PUBLIC_KEY"]
        fcm, apns = closing.enter_context(FcmService()), closing.enter_context(ApnsService())
        push = closing.enter_context(PushService(key=key))
        settings.OUTBOUND_ALLOWED_ORIGINS = [each.origin for each in (fcm, apns, push)]
        offered(settings, "fcm", **fcm.options)
        offered(settings, "apns", **apns.options)
        route(settings, "fcm", "apns")
        versions.forget()
        yield {"fcm": ByFcm(fcm), "apns": ByApns(apns), "webpush": ByWebPush(push)}
        registry.reset()
        routing.forget()


def route(settings: Any, *aliases: str) -> None:
    settings.DELIVERY_ROUTES = {
        **settings.DELIVERY_ROUTES,
        "mobile_push": list(aliases),
        "web_push": ["webpush"],
    }
    routing.forget()


@pytest.fixture
def way(request: pytest.FixtureRequest, ways: Ways) -> Way:
    return ways[request.param]


@pytest.fixture(autouse=True)
def ann(db: None) -> None:
    make_recipient("ann")
    both = [MOBILE_PUSH.number, WEB_PUSH.number]
    shipping = make_category("shipping", default_channels=both)
    for spec in (MOBILE_PUSH, WEB_PUSH):
        make_type(
            f"shipped_by_{spec.key}",
            category=shipping,
            steps=[{"channel": spec.key}],
            words={spec.key: WORDS},
            data_schema={"type": "object", "properties": {"number": {"type": "string"}}},
        )


def register(api: APIClient, device: dict[str, Any]) -> int:
    answer = api.post("/api/v1/users/ann/devices", device, format="json")
    assert answer.status_code in (200, 201), answer.content
    return answer.status_code


def send(api: APIClient, spec: channels.ChannelSpec = MOBILE_PUSH, **changes: Any) -> str:
    body = {"type": f"shipped_by_{spec.key}", "to": "ann", "data": {"number": "7"}} | changes
    answer = api.post("/api/v1/notifications", body, format="json")
    assert answer.status_code == 202, answer.content
    return answer.json()["notifications"][0]["id"]


def standing(notification: str) -> list[tuple[int, int | None, str]]:
    rows = Delivery.objects.filter(notification_id=notification).order_by("created_at", "id")
    return [(row.state, row.reason, row.provider) for row in rows]


def reasons(notification: str) -> list[str | None]:
    (body,) = Decision.objects.filter(
        id__in=Notification.objects.filter(id=notification).values("decision_id")
    ).values_list("body", flat=True)
    return [step["reason"] for step in body]


BY = pytest.mark.parametrize("way", ["fcm", "apns", "webpush"], indirect=True)


@BY
def test_what_is_accepted_is_planned_pushed_and_told(api: APIClient, way: Way, run: Run) -> None:
    assert register(api, way.device()) == 201
    notification = send(api, way.channel)
    run()
    assert way.titles == ["Order 7 shipped"]
    assert standing(notification) == [(State.SENT, None, way.alias)]
    told = api.get(f"/api/v1/notifications/{notification}/timeline").json()["results"]
    assert any(way.alias in json.dumps(entry) for entry in told)


@BY
def test_a_dead_token_is_not_used_until_it_registers_again(
    api: APIClient, way: Way, run: Run
) -> None:
    device = way.device()
    register(api, device)
    way.service.on_call(way.gone)
    first = send(api, way.channel)
    run()
    assert standing(first) == [(State.FAILED, Reason.ADDRESS_DEAD, way.alias)]
    assert Suppression.objects.count() == 1
    before = len(way.service.taken)

    second = send(api, way.channel)
    run()
    assert (standing(second), reasons(second)) == ([], ["suppressed"])
    assert len(way.service.taken) == before

    was = Address.objects.get().created_at
    assert register(api, device) == 200
    assert Suppression.objects.count() == 0
    assert Address.objects.get().created_at > was
    third = send(api, way.channel)
    run()
    assert standing(third) == [(State.SENT, None, way.alias)]


@BY
def test_one_bad_device_never_stops_the_others(api: APIClient, way: Way, run: Run) -> None:
    for answer in (None, way.gone, Reply(400), DROP, None):
        register(api, way.device(answer=answer))
    notification = send(api, way.channel)
    run()
    assert sorted(state for state, *_ in standing(notification)) == [
        State.QUEUED,  # its answer was lost: it is tried again later
        State.SENT,
        State.SENT,
        State.FAILED,
        State.FAILED,
    ]
    assert Suppression.objects.count() == 1


@pytest.fixture
def order_shipped(ann: None) -> None:
    """Said in the inbox and to phones, at once."""
    make_type(
        "order_shipped",
        category=make_category("orders", default_channels=[MOBILE_PUSH.number, IN_APP.number]),
        steps=[{"channel": "in_app"}, {"channel": "mobile_push"}],
        data_schema={"type": "object", "properties": {"number": {"type": "string"}}},
    )


@pytest.mark.parametrize("way", ["fcm", "apns"], indirect=True)
def test_an_icon_says_how_much_is_unread_once_there_is_an_inbox(
    api: APIClient, way: Way, run: Run, order_shipped: None
) -> None:
    register(api, way.device())
    (person,) = Recipient.objects.values_list("id", flat=True)

    def sent(type: str = "order_shipped") -> int | None:
        send(api, type=type)
        run()
        return way.badges[-1]

    assert sent("shipped_by_mobile_push") is None
    assert [sent(), sent(), sent("shipped_by_mobile_push")] == [1, 2, 2]
    items.mark_all(person, Mark.READ)
    assert sent("shipped_by_mobile_push") == 0
    assert sent() == 1


def test_a_topic_has_no_icon(api: APIClient, ways: Ways, run: Run, order_shipped: None) -> None:
    register(api, {"channel": "mobile_push", "kind": "fcm", "token": "/topics/news"})
    send(api, type="order_shipped")
    run()
    (sent,) = ways["fcm"].service.sent
    assert (sent["topic"], ways["fcm"].badges) == ("news", [None])


def test_each_phone_is_reached_by_who_takes_its_kind(api: APIClient, ways: Ways, run: Run) -> None:
    for alias in ("fcm", "apns", "fcm"):
        register(api, ways[alias].device())
    notification = send(api)
    run()
    assert {alias: len(ways[alias].titles) for alias in ("fcm", "apns")} == {"fcm": 2, "apns": 1}
    rows = Delivery.objects.filter(notification_id=notification).values_list(
        "address_kind", "provider"
    )
    assert sorted(rows) == [(1, "fcm"), (1, "fcm"), (2, "apns")]


def test_a_phone_that_nobody_takes_is_left_out_and_alone_it_is_skipped(
    api: APIClient, ways: Ways, run: Run, settings: Any
) -> None:
    route(settings, "fcm")
    register(api, ways["apns"].device())
    alone = send(api)
    run()
    assert (standing(alone), reasons(alone)) == ([], ["no_provider"])
    register(api, ways["fcm"].device())
    notification = send(api)
    run()
    assert standing(notification) == [(State.SENT, None, "fcm")]
    assert ways["apns"].service.taken == []


def test_explain_names_the_provider_of_the_phone(api: APIClient, ways: Ways, settings: Any) -> None:
    register(api, ways["apns"].device())
    body = {"type": "shipped_by_mobile_push", "to": "ann", "data": {"number": "7"}}

    def explained() -> dict[str, Any]:
        answer = api.post("/api/v1/explain", body, format="json").json()
        (step,) = answer["recipients"][0]["steps"]
        return step

    assert (explained()["provider"], explained()["alternatives"]) == ("apns", [])
    route(settings, "fcm")
    assert (explained()["outcome"], explained()["reason"]) == ("skip", "no_provider")


def test_a_provider_that_hangs_leaves_the_other_one_s_phones_alone(
    api: APIClient, ways: Ways, run: Run, settings: Any
) -> None:
    offered(settings, "fcm", **ways["fcm"].service.options, timeout=2)
    ways["fcm"].service.login_answers.append(HANG)
    for alias in ("fcm", "apns"):
        register(api, ways[alias].device())
    notification = send(api)
    run()
    states = {provider: state for state, _, provider in standing(notification)}
    assert states == {"fcm": State.QUEUED, "apns": State.SENT}


def test_a_browser_gets_all_that_an_editor_wrote(api: APIClient, ways: Ways, run: Run) -> None:
    make_type(
        "rich",
        category=Category.objects.get(key="shipping"),
        priority=Priority.HIGH,
        steps=[{"channel": "web_push"}],
        words={
            "web_push": {
                **WORDS,
                "image": "https://example.com/parcel.png",
                "icon": "https://example.com/icon.png",
                "actions": [{"label": "Track", "url": "https://example.com/track"}],
            }
        },
    )
    register(api, ways["webpush"].device())
    expires_at = (timezone.now() + timedelta(hours=2)).isoformat()
    body = {"type": "rich", "to": "ann", "data": {"number": "7"}, "expires_at": expires_at}
    assert api.post("/api/v1/notifications", body, format="json").status_code == 202
    run()
    (pushed,) = ways["webpush"].service.pushed
    shown = {name: pushed.payload[name] for name in pushed.payload if name not in ("tag", "data")}
    assert shown == {
        "title": "Order 7 shipped",
        "body": "Soon with you",
        "url": "https://example.com/orders/7",
        "image": "https://example.com/parcel.png",
        "icon": "https://example.com/icon.png",
        "actions": [{"title": "Track", "url": "https://example.com/track"}],
    }
    assert pushed.headers["Urgency"] == "high"
    assert 6600 < int(pushed.headers["TTL"]) <= 7200
    assert len(pushed.headers["Topic"]) == 32


def test_a_browser_s_message_that_is_too_large_is_cut_and_sent(
    api: APIClient, ways: Ways, run: Run
) -> None:
    make_type(
        "long_by_web_push",
        category=Category.objects.get(key="shipping"),
        steps=[{"channel": "web_push"}],
        words={"web_push": {**WORDS, "body": "Soon with you. " * 60}},
    )
    register(api, ways["webpush"].device())
    ways["webpush"].service.on_call(Reply(413))
    notification = send(api, WEB_PUSH, type="long_by_web_push")
    run()
    sizes = [len(pushed.plain) for pushed in ways["webpush"].service.pushed]
    assert len(sizes) == 2
    assert sizes[1] <= sizes[0] // 2
    assert standing(notification) == [(State.SENT, None, "webpush")]


@pytest.mark.parametrize(
    ("way", "wait"), [("fcm", 60), ("apns", 120), ("webpush", 120)], indirect=["way"]
)
def test_who_is_asked_to_wait_waits(api: APIClient, way: Way, wait: int, run: Run) -> None:
    busy = Reply(429, headers={"Retry-After": "120"}) if way.alias != "fcm" else fcm_service.QUOTA
    register(api, way.device())
    way.service.on_call(busy)
    notification = send(api, way.channel)
    run()
    assert standing(notification) == [(State.QUEUED, None, way.alias)]
    row = Delivery.objects.annotate(left=F("due_at") - Now()).get()
    assert row.left > timedelta(seconds=wait - 30)
