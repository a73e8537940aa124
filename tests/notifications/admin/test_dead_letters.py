"""Dead letters on the desk: found by what they have in common, understood, and sent again."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse

from delivery.lifecycle import Reason, State
from delivery.models import AuditEntry, Delivery, Suppression
from notifications.words import Mode
from notifysite.plumbing import ids
from tests import factories
from tests.notifications.admin.rows import a_delivery, a_notification, tried

LIST = reverse("admin:delivery_delivery_changelist")
ALL = reverse("admin:delivery_delivery_replay")
SUPPRESSED = b"h" * 32


def shown(desk: Client, **filters: Any) -> set[UUID]:
    return {row.id for row in desk.get(LIST, filters).context["cl"].result_list}


def aged(days: float, **values: Any) -> Delivery:
    moment = datetime.now(UTC) - timedelta(days=days)
    return a_delivery(a_notification(id=ids.uuid7(int(moment.timestamp() * 1000))), **values)


def test_they_are_filtered_by_what_they_have_in_common(desk: Client) -> None:
    kind = factories.make_type("order_shipped")
    wanted = a_delivery(
        a_notification(type=kind), channel=2, provider="acme", reason=Reason.OUTCOME_UNKNOWN
    )
    other = a_delivery()
    uncertain = a_delivery(state=State.UNCERTAIN)

    assert shown(desk) == {wanted.id, other.id, uncertain.id}
    assert shown(desk, channel=2) == {wanted.id}
    assert shown(desk, provider="acme") == {wanted.id}
    assert shown(desk, reason=int(Reason.OUTCOME_UNKNOWN)) == {wanted.id}
    assert shown(desk, type=kind.pk) == {wanted.id}
    assert shown(desk, state=int(State.UNCERTAIN)) == {uncertain.id}
    assert shown(desk, type=kind.pk, channel=1) == set()
    assert shown(desk, type="x") == shown(desk, channel="-1") == set()


def test_they_are_filtered_by_age_and_none_is_too_old_to_be_shown(desk: Client) -> None:
    new, old = aged(0), aged(2)

    assert shown(desk) == {new.id, old.id}
    assert shown(desk, since="day") == {new.id}
    assert shown(desk, since="week") == {new.id, old.id}


def test_the_last_try_s_code_and_what_the_provider_said_are_in_the_list(desk: Client) -> None:
    row = a_delivery()
    tried(row, "450 4.2.1", "451 4.3.0", detail="Try <later>, please")

    page = desk.get(LIST).content.decode()

    assert "451 4.3.0" in page
    assert "450 4.2.1" not in page
    assert "Try &lt;later&gt;, please" in page


def test_a_message_over_which_processes_ended_says_so(desk: Client) -> None:
    poison, twice = a_delivery(), a_delivery()
    tried(poison, "450 4.2.1", *["answer_lost"] * 4)
    tried(twice, *["answer_lost"] * 2)
    said = "The process that was sending it ended 4 times: look for why before sending again."

    page = desk.get(LIST).content.decode()

    assert page.count(said) == 1
    assert "ended 2 times" not in page
    assert "The process that was sending it ended before it could say what came of it." in page
    story = reverse("admin:notifications_notification_change", args=[poison.notification_id])
    assert desk.get(story).content.decode().count(said) == 2  # beside its tries, and at the end


def refusable() -> None:
    """Seven dead letters: 3 to send, 2 expired, 1 suppressed, 1 that may have been sent."""
    for _ in range(3):
        a_delivery()
    for _ in range(2):
        a_delivery(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    a_delivery(address_hash=SUPPRESSED)
    Suppression.objects.create(channel=1, address_hash=SUPPRESSED, reason=1, source="test")
    a_delivery(state=State.UNCERTAIN)


def test_all_that_the_filters_match_are_sent_again_once_that_is_confirmed(
    desk: Client, told: Any
) -> None:
    refusable()
    a_delivery(channel=2)

    asked = desk.get(LIST, {"channel": 1}).context["replay_url"]
    page = desk.get(asked)
    assert dict(page.context["wanted"]) == {"State": "was given up", "Channel": "Email"}
    assert page.context["found"] == "6"
    assert Delivery.objects.filter(state=State.QUEUED).count() == 0

    assert told(desk.post(asked, follow=True)) == [
        "3 are queued again.",
        "2 were not sent again, because it was no longer worth sending by then.",
        "1 was not sent again, because the address must not be used any more.",
    ]
    states = Delivery.objects.values_list("state", flat=True)
    assert sorted(states) == [State.QUEUED] * 3 + [State.DEAD] * 4 + [State.UNCERTAIN]
    entry = AuditEntry.objects.get(action="deliveries.replayed")
    assert entry.detail["filter"] == {"states": ["dead"], "channel": "email"}


def test_asking_twice_sends_once_and_says_so(desk: Client, told: Any) -> None:
    row = a_delivery()

    assert told(desk.post(ALL, follow=True)) == ["1 is queued again."]
    assert told(desk.post(ALL, follow=True)) == ["There was nothing to send again."]
    url = reverse("admin:delivery_delivery_replay_one", args=[row.id])
    assert told(desk.post(url, follow=True)) == ["1 was on the way already."]
    Delivery.objects.update(state=State.SENT)
    assert told(desk.post(url, follow=True)) == [
        "1 was not sent again, because nothing of it is left to send."
    ]
    assert AuditEntry.objects.filter(action="delivery.replayed").count() == 1


def test_one_is_sent_again_from_its_story(desk: Client, told: Any) -> None:
    row = a_delivery(state=State.UNCERTAIN)
    story = reverse("admin:notifications_notification_change", args=[row.notification_id])
    url = reverse("admin:delivery_delivery_replay_one", args=[row.id])
    assert url in desk.get(story).content.decode()

    answer = desk.post(url, follow=True)
    again = desk.post(url, follow=True)

    assert answer.redirect_chain[0][0] == story
    assert told(answer) == ["1 is queued again."]
    assert url not in answer.content.decode()
    row.refresh_from_db()
    assert row.state == State.QUEUED
    assert told(again) == ["1 was on the way already."]


def test_what_takes_longer_than_a_minute_says_when_the_last_one_leaves(
    desk: Client, told: Any, settings: Any
) -> None:
    settings.REPLAY_PER_SECOND = 0.005  # one in 200 seconds
    a_delivery()
    a_delivery()
    assert desk.get(ALL).context["takes"] == "7 minutes"
    assert told(desk.post(ALL, follow=True)) == [
        "2 are queued again; the last of them leaves in 3\xa0minutes."
    ]


@pytest.mark.parametrize(
    "nonsense", [{"state": "3"}, {"channel": "x"}, {"type": "0"}, {"state": "99"}]
)
def test_filters_that_make_no_sense_send_nothing(desk: Client, told: Any, nonsense: Any) -> None:
    a_delivery()
    answer = desk.post(f"{ALL}?{next(iter(nonsense))}={next(iter(nonsense.values()))}", follow=True)
    assert told(answer) == ["The filters make no sense, so nothing was sent again."]
    assert Delivery.objects.get().state == State.DEAD


@pytest.mark.parametrize("role", ["Support", "Editors"])
def test_who_may_not_send_again_is_not_offered_it_and_cannot(staff: Any, role: str) -> None:
    row, browser = a_delivery(mode=Mode.LIVE), staff(role)
    one = reverse("admin:delivery_delivery_replay_one", args=[row.id])
    assert browser.get(ALL).status_code == browser.post(ALL).status_code == 403
    assert browser.post(one).status_code == 403
    page = browser.get(LIST)
    assert page.status_code == 403 or "Send all of these again" not in page.content.decode()
    row.refresh_from_db()
    assert row.state == State.DEAD
