"""From the API into a chat: Slack, Discord and Teams, on real sockets, all the way."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from rest_framework.test import APIClient

from delivery import registry, routing
from delivery.lifecycle import State
from delivery.models import Delivery, OutboxMessage, Suppression
from delivery.models.suppression import SuppressionReason
from notifications.catalog import versions
from tests.factories import make_category, make_recipient, make_type
from tests.fakes.chat_services import PLACES, ChatService, Discord, Slack, Teams
from tests.fakes.service import Reply

pytestmark = pytest.mark.django_db
Run = Callable[[], int]
DEVICES = "/api/v1/users/ops/devices"


@pytest.fixture
def chats(settings: Any) -> Iterator[list[ChatService]]:
    """One of each, and the provider as an installation has it without any setting."""
    with ExitStack() as closing:
        services = [closing.enter_context(fake()) for fake in (Slack, Discord, Teams)]
        settings.OUTBOUND_ALLOWED_ORIGINS = [one.origin for one in services]
        settings.CHAT_HOSTS = PLACES
        registry.reset()
        routing.forget()
        versions.forget()
        yield services
        registry.reset()


@pytest.fixture
def deployed(db: None) -> None:
    make_type(
        "deployed",
        category=make_category("deploys", default_channels=[7]),
        steps=[{"channel": "chat"}],
        words={"general": {"title": "{{ data.what }} is out", "body": "By <!channel>"}},
    )


@pytest.fixture
def registered(chats: list[ChatService], api: APIClient) -> None:
    make_recipient("ops")
    for chat in chats:
        api.post(DEVICES, {"channel": "chat", "url": chat.webhook}, format="json")


def say(api: APIClient) -> str:
    body = {"type": "deployed", "to": "ops", "data": {"what": "Juniper 2"}}
    answer = api.post("/api/v1/notifications", body, format="json")
    assert answer.status_code == 202, answer.content
    return str(answer.json()["notifications"][0]["url"])


@pytest.mark.usefixtures("deployed", "registered")
def test_one_request_is_said_in_every_chat_of_a_recipient(
    api: APIClient, chats: list[ChatService], run: Run
) -> None:
    url = say(api)
    run()

    assert [len(chat.said) for chat in chats] == [1, 1, 1]
    slack = chats[0]
    assert isinstance(slack, Slack)
    assert (slack.said[0]["text"], slack.pings) == ("Juniper 2 is out", [])
    found = api.get(url).json()
    assert [(one["channel"], one["status"], one["provider"]) for one in found["deliveries"]] == [
        ("chat", "sent", "chat")
    ] * 3
    told = api.get(f"{url}/timeline")
    kinds = [one["kind"] for one in told.json()["results"]]
    assert kinds.count("sent") == 3
    assert "s3cr3t" not in told.content.decode()


@pytest.mark.usefixtures("deployed", "registered")
def test_a_webhook_that_is_gone_is_not_called_again_and_the_others_are(
    api: APIClient, chats: list[ChatService], run: Run
) -> None:
    chats[1].on_call(Reply(404, {"message": "Unknown Webhook", "code": 10015}))
    say(api)
    run()
    (gone,) = Suppression.objects.all()
    assert (gone.channel, gone.reason) == (7, SuppressionReason.DEAD_TOKEN)

    say(api)
    run()

    assert [len(chat.taken) for chat in chats] == [2, 1, 2]
    states = sorted(Delivery.objects.values_list("state", flat=True))
    assert states == [*[State.SENT] * 4, State.FAILED]


@pytest.mark.usefixtures("deployed")
def test_a_simulated_webhook_reaches_the_outbox_only(api: APIClient, run: Run) -> None:
    make_recipient("ops")
    url = "https://simulator.notifysite.test/simulator-delivered/ops"
    api.post(DEVICES, {"channel": "chat", "url": url}, format="json")
    found = say(api)
    run()

    (delivery,) = api.get(found).json()["deliveries"]
    assert (delivery["status"], delivery["provider"]) == ("delivered", "sandbox")
    assert OutboxMessage.objects.count() == 1
