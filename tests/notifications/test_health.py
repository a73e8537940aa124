"""Alive, ready, and who may read the metrics."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from delivery.models import Breaker, Engagement, Heartbeat
from delivery.tracking import counts
from notifications import heartbeats
from notifications.models import Notification
from notifications.words import Lane
from notifysite.plumbing import ids
from tests.factories import make_type

pytestmark = pytest.mark.django_db


@pytest.fixture
def pumping(db: None) -> None:
    heartbeats.beat("pump")
    heartbeats.nudged()


@pytest.fixture
def working(pumping: None) -> None:
    heartbeats.beat(*(heartbeats.worker_of(lane) for lane in Lane), took=1)


def ready(client: Client) -> tuple[int, dict[str, Any]]:
    answer = client.get("/readyz")
    return answer.status_code, answer.json()


def test_it_is_live_without_asking_anybody(client: Client) -> None:
    assert client.get("/healthz").json() == {"live": True}


@pytest.mark.parametrize("address", ["/healthz", "/readyz", "/metrics"])
def test_health_is_only_asked_for(address: str) -> None:
    assert Client(enforce_csrf_checks=True).post(address).status_code == 405


def test_it_is_ready_when_every_part_is(client: Client, working: None) -> None:
    assert ready(client) == (
        200,
        {
            "ready": True,
            "parts": {
                "database": {"ready": True},
                "partitions": {"ready": True},
                "pump": {"ready": True},
                "workers": {"ready": True},
            },
        },
    )


def test_without_a_pump_it_says_to_start_one(client: Client) -> None:
    status, body = ready(client)
    assert (status, body["ready"]) == (503, False)
    assert body["parts"]["pump"] == {
        "ready": False,
        "detail": "It has never run.",
        "advice": "Start `manage.py pump`; any number may run.",
    }


def test_a_pump_that_stopped_is_noticed(client: Client, pumping: None) -> None:
    Heartbeat.objects.update(at=Now() - timedelta(seconds=100))
    status, body = ready(client)
    assert (status, body["parts"]["pump"]["detail"]) == (503, "Its last sign is 100 s old.")


def test_a_month_that_lacks_is_named(client: Client, pumping: None) -> None:
    name = f"notification_y{timezone.now():%Y}m{timezone.now():%m}"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {name}")
    status, body = ready(client)
    assert (status, body["parts"]["partitions"]["detail"]) == (503, f"Missing: {name}.")


def test_rows_outside_every_month_are_told(client: Client, pumping: None) -> None:
    id_ = ids.uuid7(0)
    Engagement.objects.create(id=id_, notification_id=id_)
    status, body = ready(client)
    detail = "Rows outside every month in: delivery_engagement."
    assert (status, body["parts"]["partitions"]["detail"]) == (503, detail)


def test_work_that_nobody_takes_is_noticed(client: Client, api: APIClient, working: None) -> None:
    make_type("order_shipped")
    api.post("/api/v1/notifications", {"type": "order_shipped", "to": "ann"})
    Notification.objects.update(due_at=Now() - timedelta(seconds=90))
    assert ready(client)[0] == 200
    heartbeats.beat("worker-default", took=70)

    status, body = ready(client)
    assert status == 503
    assert re.fullmatch(
        r"Default: its workers took no nudge for 7\d s; work is due since 9\d s\.",
        body["parts"]["workers"]["detail"],
    )


def test_a_lane_whose_workers_are_gone_is_named_and_keeps_nobody_from_asking(
    client: Client, working: None
) -> None:
    """While nothing is overdue a load balancer must not turn away from us."""
    heartbeats.leave(["worker-critical"])
    Heartbeat.objects.filter(kind="worker-bulk").update(at=Now() - timedelta(seconds=31))

    status, body = ready(client)
    workers = body["parts"]["workers"]
    assert (status, workers["ready"]) == (200, True)
    assert workers["detail"] == "Critical: no worker runs. Bulk: no worker runs."
    assert "worker --pool=solo -Q critical,bulk`" in workers["advice"]


@pytest.mark.parametrize("nudged", [None, 61])
def test_a_broker_that_takes_no_nudges_is_named(
    client: Client, pumping: None, nudged: int | None
) -> None:
    ago = None if nudged is None else Now() - timedelta(seconds=nudged)
    Heartbeat.objects.update(nudged_at=ago)

    assert ready(client)[1]["parts"]["workers"]["advice"].startswith("The broker takes no nudges")


def test_without_the_database_it_is_live_but_not_ready(client: Client) -> None:
    with connection.execute_wrapper(_broken):
        status, body = ready(client)
        live = client.get("/healthz").status_code
    assert (status, live) == (503, 200)
    assert list(body["parts"]) == ["database"]
    assert body["parts"]["database"]["detail"] == "It does not answer: OperationalError."


def of(metric: str, client: Client) -> dict[str, float]:
    """A metric's values by kind of process."""
    lines = client.get("/metrics").content.decode().splitlines()
    found = [line for line in lines if line.startswith(f"notifysite_{metric}{{")]
    return {line.split('"')[1]: float(line.split()[-1]) for line in found}


def test_a_process_that_takes_no_nudges_has_no_age_of_them(client: Client, pumping: None) -> None:
    heartbeats.beat("worker-bulk", took=30)

    taken = of("consumed_age_seconds", client)
    assert list(taken) == ["worker-bulk"]
    assert 30 <= taken["worker-bulk"] < 90
    assert list(of("nudged_age_seconds", client)) == ["pump"]


def test_kinds_nobody_was_heard_of_are_counted_as_none(client: Client, pumping: None) -> None:
    heartbeats.beat("worker-bulk")

    assert of("processes", client) == {
        "pump": 1,
        "worker-bulk": 1,
        "worker-critical": 0,
        "worker-default": 0,
    }


def test_breakers_drains_and_drills_are_measured_for_every_way_of_the_routes(
    client: Client, settings: Any
) -> None:
    settings.DELIVERY_ROUTES = {"email": ["email", "sandbox"]}
    until = Now() + timedelta(seconds=90)
    Breaker.objects.create(provider="email", channel=1, until=until, drill_until=until)

    lines = client.get("/metrics").content.decode().splitlines()
    found = [line for line in lines if line.startswith(("notifysite_breaker", "notifysite_route"))]

    assert found == [
        'notifysite_breaker_open{channel="email",provider="email"} 1.0',
        'notifysite_breaker_open{channel="email",provider="sandbox"} 0.0',
        'notifysite_breaker_drained{channel="email",provider="email"} 0.0',
        'notifysite_breaker_drained{channel="email",provider="sandbox"} 0.0',
        'notifysite_breaker_drill{channel="email",provider="email"} 1.0',
        'notifysite_breaker_drill{channel="email",provider="sandbox"} 0.0',
        'notifysite_route_takes{channel="email",provider="email"} 0.0',
        'notifysite_route_takes{channel="email",provider="sandbox"} 1.0',
    ]


def _broken(*_: Any) -> None:
    from django.db import OperationalError

    raise OperationalError


@pytest.mark.parametrize(
    ("extra", "status"),
    [
        ({}, 200),
        ({"REMOTE_ADDR": "::1"}, 200),
        ({"REMOTE_ADDR": "192.0.2.7"}, 403),
        ({"REMOTE_ADDR": ""}, 403),
        ({"HTTP_X_FORWARDED_FOR": "127.0.0.1"}, 403),
    ],
)
def test_without_a_token_only_this_machine_reads_metrics(
    client: Client, extra: dict[str, str], status: int
) -> None:
    assert client.get("/metrics", **extra).status_code == status


def test_hits_that_were_dropped_are_counted(client: Client) -> None:
    def scraped() -> str:
        return client.get("/metrics").content.decode()

    assert 'notifysite_hits_total{verdict="dropped"} 0.0' in scraped()
    for hits in (2, 3):
        counts.add(counts.DROPPED, hits)
    assert 'notifysite_hits_total{verdict="dropped"} 5.0' in scraped()


def test_with_a_token_whoever_has_it_reads_metrics(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = "open sesame"

    def read(header: str) -> int:
        extra = {"REMOTE_ADDR": "192.0.2.7", "HTTP_AUTHORIZATION": header}
        return client.get("/metrics", **extra).status_code

    assert [read(h) for h in ("Bearer open sesame", "Bearer wrong", "", "Basic open sesame")] == [
        200, 401, 401, 401,
    ]  # fmt: skip
    assert client.get("/metrics").status_code == 401
