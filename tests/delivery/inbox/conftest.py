"""People, messages and a channel layer of our own for the inbox."""

from collections.abc import Callable, Iterator
from uuid import UUID, uuid4

import pytest
from rest_framework.test import APIClient

from delivery.channels import IN_APP
from delivery.contracts import Content, Message
from delivery.inbox import hints
from delivery.inbox.provider import Inbox
from notifysite.plumbing.crypto import new_data_key
from notifysite.plumbing.ids import uuid7
from preferences.models import Recipient
from tests.delivery.inbox import doorman


@pytest.fixture(autouse=True)
def layer(settings) -> Iterator[None]:
    """Real Redis; the prefix keeps runs beside each other apart."""
    config = {
        "hosts": [{"address": settings.REDIS_URL, "socket_timeout": None}],
        "prefix": f"test-{uuid4().hex}",
    }
    settings.CHANNEL_LAYERS = {
        "default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": config}
    }
    yield
    hints.stop()


@pytest.fixture(autouse=True)
def by_user_id(settings) -> Iterator[None]:
    """The inbox alone, with a doorman who knows people by their user id."""
    settings.ROOT_URLCONF = "tests.delivery.inbox.urls"
    settings.RECIPIENT_AUTHENTICATION = "tests.delivery.inbox.doorman.ByHeader"
    settings.RECIPIENT_SCOPE_AUTHENTICATION = "tests.delivery.inbox.doorman.authenticate_scope"
    yield
    doorman.revoked.clear()


def new_person(user_id: str) -> Recipient:
    _, wrapped = new_data_key()
    return Recipient.objects.create(user_id=user_id, data_key=wrapped)


@pytest.fixture
def ann(db) -> Recipient:
    return new_person("ann")


@pytest.fixture
def bob(db) -> Recipient:
    return new_person("bob")


@pytest.fixture
def inbox() -> Inbox:
    return Inbox("inbox")


MessageTo = Callable[..., Message]


@pytest.fixture
def message_to() -> MessageTo:
    def build(person: Recipient, title: str = "Order shipped", **fields) -> Message:
        reference: UUID = fields.pop("reference", None) or uuid7()
        return Message(
            reference=reference,
            notification=uuid7(),
            recipient=person.id,
            channel=IN_APP.number,
            address="",
            content=fields.pop("content", None) or Content(title=title, text="It is on its way."),
            **{"category": "orders", "type": "order_shipped"} | fields,
        )

    return build


@pytest.fixture
def put(inbox, message_to) -> Callable[..., list[UUID]]:
    """Store so many items for a person; their ids, oldest first."""

    def store(person: Recipient, count: int = 1, **fields) -> list[UUID]:
        messages = [message_to(person, f"Message {n}", **fields) for n in range(1, count + 1)]
        list(inbox.send(messages))
        return [message.reference for message in messages]

    return store


@pytest.fixture
def client_of() -> Callable[[Recipient], APIClient]:
    """The API as a person sees it."""

    def log_in(person: Recipient) -> APIClient:
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {person.user_id}")
        return client

    return log_in
