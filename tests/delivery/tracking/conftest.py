"""A browser of a reader, and deliveries of somebody who is there."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from django.db.models.functions import Now
from django.test import Client

from delivery.lifecycle import State
from delivery.models import Delivery
from delivery.tracking.hits import collector
from tests.factories import make_recipient

BROWSER = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36"
)


@pytest.fixture(autouse=True)
def _no_hits() -> Iterator[None]:
    """What other tests kept is not known here."""
    collector.forget()
    yield
    collector.forget()


@pytest.fixture
def browser() -> Client:
    """A reader's; it does not follow redirects."""
    return Client(headers={"User-Agent": BROWSER})


@pytest.fixture
def sent(queued: Callable[..., list[UUID]]) -> Callable[..., list[UUID]]:
    """Deliveries to one person, sent a minute ago unless told otherwise."""

    def make(count: int = 1, *, ago: float = 60.0) -> list[UUID]:
        made = queued(count, recipient_id=make_recipient().pk)
        Delivery.objects.filter(id__in=made).update(
            state=State.SENT,
            due_at=None,
            created_at=Now() - timedelta(seconds=ago),
            sent_at=Now() - timedelta(seconds=ago),
        )
        return made

    return make
