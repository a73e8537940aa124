"""A notification over each mail service: handed over, and followed by its news to the end."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from rest_framework.test import APIClient

from delivery import routing
from delivery.lifecycle import EventKind
from delivery.models import Suppression
from notifications.models import Notification
from notifysite.settings import offers
from preferences.models import Choice
from tests.delivery.hooks.callers import Caller, Posted, Told
from tests.delivery.hooks.callers.brevo import BrevoCaller
from tests.delivery.hooks.callers.mailgun import MailgunCaller
from tests.delivery.hooks.callers.postmark import PostmarkCaller
from tests.delivery.hooks.callers.resend import ResendCaller
from tests.delivery.hooks.callers.sendgrid import SendGridCaller
from tests.delivery.hooks.callers.ses import SesCaller
from tests.factories import make_category, make_type
from tests.fakes.mail.base import MailService
from tests.fakes.mail.brevo import Brevo
from tests.fakes.mail.mailgun import Mailgun
from tests.fakes.mail.postmark import Postmark
from tests.fakes.mail.resend import Resend
from tests.fakes.mail.sendgrid import SendGrid
from tests.fakes.mail.ses import Ses

pytestmark = pytest.mark.django_db
URL = "/api/v1/notifications"
SERVICES: list[tuple[type[MailService], type[Caller]]] = [
    (Brevo, BrevoCaller),
    (Mailgun, MailgunCaller),
    (Postmark, PostmarkCaller),
    (Resend, ResendCaller),
    (SendGrid, SendGridCaller),
    (Ses, SesCaller),
]
TELLS = {EventKind.UNSUBSCRIBED}


@dataclass(frozen=True)
class World:
    """A mail service in both directions."""

    fake: MailService
    caller: Caller
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def tells(self, kind: EventKind) -> HttpResponse:
        """Let it tell something of the only letter it has."""
        (letter,) = self.fake.letters
        told = Told(
            kind=kind,
            reference=UUID(letter.reference),
            ref=letter.id,
            key=kind.name,
            at=self.at,
        )
        return self.post(self.caller.call(told))

    def post(self, posted: Posted) -> HttpResponse:
        """Post a call at its hook."""
        return Client().generic(
            "POST",
            f"/hooks/{self.caller.alias}/",
            posted.body,
            posted.content_type,
            headers=dict(posted.headers),
        )


@pytest.fixture(params=SERVICES, ids=lambda pair: pair[1].alias)
def world(request: pytest.FixtureRequest, settings: Any) -> Iterator[World]:
    """One service and no other, configured by its variables alone."""
    fake, caller = request.param
    with fake() as service, caller() as calling:
        calling.configure(settings)
        found = offers.take(offers.OFFERS, lambda name: service.environment().get(name, ""))
        (entry,) = found.providers.values()
        # What no variable leads to a fake, the settings do.
        entry["OPTIONS"] = {**calling.options(secret=True), **entry["OPTIONS"]}
        settings.DELIVERY_PROVIDERS = {**settings.DELIVERY_PROVIDERS, **found.providers}
        settings.DELIVERY_ROUTES = {**settings.DELIVERY_ROUTES, "email": [caller.alias]}
        routing.forget()
        yield World(service, calling)
        routing.forget()


@pytest.fixture
def news(db: None) -> None:
    make_type(
        "news",
        category=make_category("news"),
        words={"email": {"subject": "Grüße", "body": "<p>Hello {{ recipient.name }}</p>"}},
    )


def send(api: APIClient, run: Callable[[], int]) -> str:
    to = {"user_id": "ann", "email": "ann@example.com", "name": "Ann"}
    answer = api.post(URL, {"type": "news", "to": to}, format="json")
    assert answer.status_code == 202, answer.content
    run()
    return str(answer.json()["notifications"][0]["id"])


def test_a_letter_is_sent_delivered_and_read(
    api: APIClient, run: Callable[[], int], world: World, news: None
) -> None:
    id_ = send(api, run)
    (letter,) = world.fake.letters
    assert (letter.to, letter.subject) == ("ann@example.com", "Grüße")
    assert "Hello Ann" in letter.text
    assert "Hello Ann" in letter.html

    assert world.tells(EventKind.DELIVERED).status_code == 200
    assert world.tells(EventKind.OPENED).status_code == 200
    run()

    (delivery,) = api.get(f"{URL}/{id_}").json()["deliveries"]
    assert (delivery["status"], delivery["provider"]) == ("delivered", world.caller.alias)
    assert delivery["opened_at"] is not None
    told = [line for line in timeline(api, id_) if line["kind"] == "event"]
    # Some services tell seconds only, in which both may have been.
    assert sorted(line["event"] for line in told) == ["delivered", "opened"]
    assert timeline(api, id_)[-1]["text"] == "All done."


def test_each_letter_bears_what_mailbox_providers_ask_for(
    api: APIClient, run: Callable[[], int], world: World, news: None
) -> None:
    send(api, run)

    (letter,) = world.fake.letters
    headers = {name.lower(): value for name, value in letter.headers.items()}
    link = headers["list-unsubscribe"]
    assert link.startswith("<http://testserver/u/")
    service = Notification.objects.get().service_id
    assert headers == {
        "message-id": f"<{letter.reference}@localhost>",
        "auto-submitted": "auto-generated",
        "feedback-id": f"news:news:{service}:notifysite",
        "list-id": "news <news.testserver>",
        "list-unsubscribe": link,
        "list-unsubscribe-post": "List-Unsubscribe=One-Click",
    }


def test_a_dead_mailbox_is_not_written_to_again(
    api: APIClient, run: Callable[[], int], world: World, news: None
) -> None:
    first = send(api, run)
    assert world.tells(EventKind.HARD_BOUNCE).status_code == 200
    second = send(api, run)

    assert len(world.fake.letters) == 1
    (delivery,) = api.get(f"{URL}/{first}").json()["deliveries"]
    assert (delivery["status"], delivery["reason"]) == ("bounced", "address_dead")
    (line,) = [line for line in timeline(api, first) if line["kind"] == "event"]
    assert "ann@example.com" not in str(line)
    step = api.get(f"{URL}/{second}").json()["decision"][0]
    assert (step["outcome"], step["reason"]) == ("skip", "suppressed")


def test_a_forged_bounce_stops_nobody(
    api: APIClient, run: Callable[[], int], world: World, news: None
) -> None:
    send(api, run)
    (letter,) = world.fake.letters
    dead = Told(kind=EventKind.HARD_BOUNCE, reference=UUID(letter.reference), ref=letter.id)
    for forged in world.caller.forged(world.caller.call(dead)):
        assert world.post(forged).status_code == 403
    send(api, run)

    assert Suppression.objects.count() == 0
    assert len(world.fake.letters) == 2


def timeline(api: APIClient, id_: str) -> list[dict[str, Any]]:
    """What happened to a notification."""
    answer = api.get(f"{URL}/{id_}/timeline")
    return list(answer.json()["results"])


def test_who_complains_there_has_switched_the_category_off_here(
    api: APIClient, run: Callable[[], int], world: World, news: None
) -> None:
    send(api, run)
    for _ in range(2):
        assert world.tells(EventKind.COMPLAINT).status_code == 200
        run()

    (choice,) = Choice.objects.all()
    assert (choice.category.key, choice.channel, choice.enabled) == ("news", 1, False)
    assert choice.source == f"unsubscribe:{world.caller.alias}"


@pytest.mark.parametrize(
    "world",
    [pytest.param(pair, id=pair[1].alias) for pair in SERVICES if TELLS & pair[1].kinds],
    indirect=True,
)
def test_who_unsubscribes_there_has_switched_the_category_off_here(
    api: APIClient, run: Callable[[], int], world: World, news: None
) -> None:
    send(api, run)
    for _ in range(2):
        assert world.tells(EventKind.UNSUBSCRIBED).status_code == 200
        run()
    second = send(api, run)

    (choice,) = Choice.objects.all()
    assert (choice.category.key, choice.channel, choice.enabled) == ("news", 1, False)
    assert choice.source == f"unsubscribe:{world.caller.alias}"
    assert len(world.fake.letters) == 1
    step = api.get(f"{URL}/{second}").json()["decision"][0]
    assert (step["outcome"], step["reason"]) == ("skip", "opted_out_channel")
    assert Suppression.objects.count() == 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT actor FROM audit_entry WHERE action = 'preferences.changed'")
        assert cursor.fetchall() == [(f"provider:{world.caller.alias}",)]
