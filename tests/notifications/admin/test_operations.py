"""Operators: keys shown once, what was sent shown as it was, dead letters sent again."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from delivery.lifecycle import State
from delivery.models import AuditEntry, Delivery, Heartbeat, Route
from notifications import figures
from notifications.models import ApiKey, Notification
from notifications.services import keys
from notifications.words import Mode, Status
from preferences import privacy
from preferences.models import Recipient
from tests import factories
from tests.notifications.admin.rows import a_delivery, a_notification, an_outbox_message


def issue(desk: Client, service: Any, **said: Any) -> Any:
    url = reverse("admin:notifications_service_issue", args=[service.pk])
    wanted = {"name": "shop", "mode": int(Mode.LIVE), "scopes": ["notifications:send"], **said}
    return desk.post(url, wanted)


def test_a_secret_is_on_one_answer_and_nowhere_else(desk: Client, boss: User) -> None:
    service = factories.make_service()
    response = issue(desk, service)
    secret = response.context["secret"]
    assert keys.parse(secret) is not None
    assert secret in response.content.decode()
    assert "no-store" in response["Cache-Control"]
    assert not [one for one in Session.objects.all() if secret in str(one.get_decoded())]
    page = reverse("admin:notifications_service_change", args=[service.pk])
    assert secret not in desk.get(page).content.decode()
    assert AuditEntry.objects.get(action="api_key.issued").actor == f"admin:{boss.pk}"


def test_a_third_live_key_is_refused_with_what_to_do(desk: Client) -> None:
    service = factories.make_service()
    issue(desk, service)
    issue(desk, service)
    response = issue(desk, service)
    assert "has 2 live live keys already" in response.content.decode()
    assert ApiKey.objects.count() == 2


def test_a_key_is_replaced_and_revoked(desk: Client) -> None:
    key = factories.make_key().key
    args = [key.service_id, key.pk]
    rotated = desk.post(reverse("admin:notifications_service_rotate", args=args))
    assert keys.parse(rotated.context["secret"]) is not None
    desk.post(reverse("admin:notifications_service_revoke", args=args))
    key.refresh_from_db()
    assert key.revoked_at is not None
    assert ApiKey.objects.filter(revoked_at=None).count() == 1


def test_a_key_of_another_service_is_not_found(desk: Client) -> None:
    key, other = factories.make_key().key, factories.make_service()
    url = reverse("admin:notifications_service_revoke", args=[other.pk, key.pk])
    assert desk.post(url).status_code == 404


def test_a_route_names_a_provider_that_carries_the_channel(desk: Client) -> None:
    url = reverse("admin:delivery_route_add")
    said = {"channel": 1, "provider": "inbox", "position": 1, "weight": 100, "enabled": "on"}
    response = desk.post(url, said)
    assert "carries Email" in response.content.decode()
    assert desk.post(url, said | {"provider": "sandbox"}).status_code == 302
    assert Route.objects.get().provider == "sandbox"
    with pytest.raises(ValidationError):
        Route(channel=1, provider="inbox").full_clean()


@pytest.fixture
def sent(api: Any, provider: Any, run: Callable[[], int]) -> Notification:
    """A notification that went out by email, its words since changed."""
    factories.make_recipient("ann", email="ann@example.com", name="Ann Example")
    kind = factories.make_type(
        "order_shipped",
        steps=[{"channel": "email"}, {"channel": "sms"}],
        words={
            "email": {"subject": "Order {{ data.n }}", "body": "<p>For {{ recipient.name }}</p>"},
            "sms": {"text": "Order {{ data.n }}"},
        },
    )
    body = {"type": kind.key, "to": "ann", "data": {"n": 4711}}
    assert api.post("/api/v1/notifications", body).status_code == 202
    run()
    factories.say(kind, "email", "en", {"subject": "New", "body": "<p>New words</p>"}, actor="t")
    return Notification.objects.get()


def test_a_notification_tells_its_whole_story(desk: Client, sent: Notification) -> None:
    response = desk.get(reverse("admin:notifications_notification_change", args=[sent.id]))
    steps = [(step["label"], step["said"]) for step in response.context["steps"]]
    assert steps == [
        ("Email", "Sent."),
        ("SMS", "Skipped, because the person is not subscribed to the topic, or the category"
         " does not use this channel unless they ask for it."),
    ]  # fmt: skip
    (delivery,) = response.context["deliveries"]
    assert (delivery["channel"], delivery["status"]) == ("email", "sent")
    assert [one["said"] for one in delivery["tries"]] == ["accepted"]
    assert [entry.kind for entry in response.context["story"]][:2] == ["accepted", "decided"]


def test_a_message_is_shown_as_it_was_sent_after_its_words_changed(
    desk: Client, sent: Notification
) -> None:
    (row,) = Delivery.objects.all()
    url = reverse("admin:notifications_notification_sent", args=[sent.id, row.id])
    response = desk.get(url)
    assert "For Ann Example" in response.content.decode()
    assert response["Content-Security-Policy"].startswith("sandbox; default-src 'none'")


def test_what_was_sent_to_somebody_erased_can_no_longer_be_read(
    desk: Client, sent: Notification
) -> None:
    (row,) = Delivery.objects.all()
    privacy.erase("ann", actor="test", now=sent.created_at)
    url = reverse("admin:notifications_notification_sent", args=[sent.id, row.id])
    assert "nobody can read this any more" in desk.get(url).content.decode()
    page = desk.get(reverse("admin:notifications_notification_change", args=[sent.id]))
    assert "Ann" not in page.content.decode()
    assert Recipient.objects.get().erased_at is not None


def test_a_delivery_of_another_notification_is_not_found(desk: Client, sent: Notification) -> None:
    other = a_delivery()
    url = reverse("admin:notifications_notification_sent", args=[sent.id, other.id])
    assert desk.get(url).status_code == 404


@pytest.mark.parametrize("search", ["ann", "id"])
def test_a_notification_is_found_by_its_id_or_its_person(
    desk: Client, sent: Notification, search: str
) -> None:
    a_notification()
    term = str(sent.id) if search == "id" else search
    response = desk.get(reverse("admin:notifications_notification_changelist"), {"q": term})
    assert [row.id for row in response.context["cl"].result_list] == [sent.id]


@pytest.mark.parametrize(
    ("name", "found"),
    [("status", 1), ("mode", 1), ("type", 1), ("since", 2)],
)
def test_the_list_is_filtered(desk: Client, name: str, found: int) -> None:
    row = a_notification(status=Status.CANCELLED, mode=Mode.TEST)
    a_notification()
    chosen = {"status": row.status, "mode": row.mode, "type": row.type_id, "since": "hour"}
    url = reverse("admin:notifications_notification_changelist")
    response = desk.get(url, {name: chosen[name]})
    assert len(response.context["cl"].result_list) == found


@pytest.mark.parametrize("nonsense", ["x", "-1", "9" * 40])
def test_a_filter_that_makes_no_sense_finds_nothing_or_all(desk: Client, nonsense: str) -> None:
    a_notification()
    url = reverse("admin:notifications_notification_changelist")
    for name in ("type", "status", "mode", "person", "since", "p"):
        assert desk.get(url, {name: nonsense}, follow=True).status_code == 200


def test_what_has_not_left_is_cancelled(desk: Client, told: Any) -> None:
    row = a_notification(status=Status.ACCEPTED, due_at="2100-01-01T00:00Z")
    url = reverse("admin:notifications_notification_cancel", args=[row.id])
    assert told(desk.post(url, follow=True))[0].startswith("Cancelled.")
    row.refresh_from_db()
    assert row.status == Status.CANCELLED
    assert AuditEntry.objects.filter(action="notification.cancelled").count() == 1
    row = a_notification(status=Status.DONE)
    url = reverse("admin:notifications_notification_cancel", args=[row.id])
    assert told(desk.post(url, follow=True))[0].startswith("It is too late")


def test_selected_dead_letters_are_sent_again(desk: Client, told: Any) -> None:
    chosen, other = a_delivery(), a_delivery()
    uncertain = a_delivery(state=State.UNCERTAIN)
    a_delivery(state=State.SENT)
    url = reverse("admin:delivery_delivery_changelist")
    listed = desk.get(url).context["cl"].result_list
    assert {row.id for row in listed} == {chosen.id, other.id, uncertain.id}
    selected = [str(chosen.id), str(uncertain.id)]
    response = desk.post(url, {"action": "replay", "_selected_action": selected}, follow=True)
    assert told(response) == ["2 are queued again."]
    states = {row.id: row.state for row in Delivery.objects.all()}
    assert (states[chosen.id], states[uncertain.id]) == (State.QUEUED, State.QUEUED)
    assert states[other.id] == State.DEAD


@pytest.mark.parametrize(
    ("channel", "content", "words"),
    [
        ("sms", {"text": "Hello Ann"}, "Hello Ann"),
        ("web_push", {"title": "Hello", "text": "Ann"}, "Hello"),
        ("email", {"subject": "Hello", "html": "<p>Hello Ann</p>"}, "<p>Hello Ann</p>"),
        ("webhook", {"title": "Hello"}, "&quot;title&quot;: &quot;Hello&quot;"),
        ("webhook", {"text": "Ann"}, "&quot;body&quot;: &quot;Ann&quot;"),
        ("chat", {"title": "Hello", "text": "Ann"}, '<p class="title">Hello</p>'),
    ],
)
def test_the_outbox_shows_a_message_as_its_channel_does(
    desk: Client, channel: str, content: dict[str, str], words: str
) -> None:
    row = an_outbox_message(channel, **content)
    frame = desk.get(reverse("admin:delivery_outboxmessage_frame", args=[row.pk]))
    assert words in frame.content.decode()
    assert frame["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    Recipient.objects.update(data_key=None)
    frame = desk.get(reverse("admin:delivery_outboxmessage_frame", args=[row.pk]))
    assert "nobody can read this any more" in frame.content.decode()
    assert desk.get(reverse("admin:delivery_outboxmessage_changelist")).status_code == 200


def test_the_first_page_counts_today_the_queue_and_the_dead(desk: Client) -> None:
    for status, count in (("sent", 5), ("delivered", 3), ("bounced", 1), ("dead", 1)):
        labels = figures.label(channel="email", provider="email", status=status, reason="")
        figures.add({(figures.DELIVERIES, labels): count})
    Heartbeat.objects.create(name="pump-1", kind="pump")
    a_delivery()
    context = desk.get("/admin/").context
    numbers = {one.label: one.value for one in context["numbers"]}
    assert numbers == {
        "Handed over": "5", "Delivered": "3", "Failed": "2", "Due now": "0", "Dead letters": "1",
        "Providers that are well": "7 of 7",
    }  # fmt: skip
    assert [(way.channel, way.sent, way.failed) for way in context["ways"]] == [("email", 5, 2)]
    assert [beat["row"].name for beat in context["beats"]] == ["pump-1"]


def test_pages_of_the_desk_load_nothing_from_elsewhere_and_are_framed_by_nobody(
    desk: Client,
) -> None:
    policy = dict(
        part.split(" ", 1) for part in desk.get("/admin/")["Content-Security-Policy"].split("; ")
    )
    assert policy["default-src"] == "'self'"
    assert policy["script-src"] == "'self' 'unsafe-eval'"
    assert policy["object-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert "http" not in str(policy)
