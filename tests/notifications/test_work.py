"""What a worker does for a lane, and when it stops."""

from typing import Any

import pytest
from celery.worker import state
from django.db import InterfaceError, connection

from notifications import tasks, work
from notifications.models import Notification
from notifications.words import Lane, Status
from tests.factories import make_type


@pytest.mark.parametrize("flag", ["should_stop", "should_terminate"])
def test_a_worker_knows_that_celery_told_it_to_stop(
    monkeypatch: pytest.MonkeyPatch, flag: str
) -> None:
    assert work.stopping() is False
    monkeypatch.setattr(state, flag, 0)  # the exit code of SIGTERM
    assert work.stopping() is True


@pytest.mark.django_db
def test_a_worker_told_to_stop_claims_no_more(api: Any) -> None:
    make_type("order_shipped")
    api.post("/api/v1/notifications", {"type": "order_shipped", "to": "ann"})

    assert work.work(Lane.DEFAULT, stopping=lambda: True) == 0
    assert Notification.objects.get().status == Status.ACCEPTED


@pytest.mark.django_db(transaction=True)
def test_a_worker_whose_connection_broke_has_a_new_one_at_the_next_nudge(api: Any) -> None:
    make_type("order_shipped")
    api.post("/api/v1/notifications", {"type": "order_shipped", "to": "ann"})
    connection.ensure_connection()
    connection.connection.close()

    with pytest.raises(InterfaceError):
        tasks.work(Lane.DEFAULT)
    tasks.work(Lane.DEFAULT)

    assert Notification.objects.get().status == Status.DONE
