"""Figures are there exactly when the facts are."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from prometheus_client.parser import text_string_to_metric_families
from rest_framework.test import APIClient

from delivery import announcements
from delivery.contracts import Change
from delivery.lifecycle import OutcomeKind, Reason, State
from notifications import figures
from notifications.models import Figure, FigureDelta
from notifysite.plumbing import ids
from tests.factories import make_type
from tests.fakes.scripted import Ledger

pytestmark = pytest.mark.django_db
Run = Callable[[], int]
Scrape = Callable[[], dict[str, float]]


@pytest.fixture(autouse=True)
def _observed(provider: Ledger, settings: Any) -> None:
    settings.DELIVERY_OBSERVERS = [
        "notifications.planning.observe.observe",
        "notifications.figures.observe",
    ]


@pytest.fixture
def scrape(client: Client) -> Scrape:
    """Every sample of /metrics by its name and labels, as Prometheus reads it."""

    def read() -> dict[str, float]:
        text = client.get("/metrics").content.decode()
        return {
            sample.name + str(dict(sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    return read


def grown(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    return {
        name: value - before.get(name, 0.0)
        for name, value in after.items()
        if value != before.get(name, 0.0) and not name.startswith("notifysite_heartbeat")
    }


def change(**values: Any) -> Change:
    plain: dict[str, Any] = {
        "delivery_id": ids.uuid7(),
        "notification_id": ids.uuid7(),
        "recipient_id": 1,
        "channel": 1,
        "state": int(State.SENT),
        "reason": None,
        "provider": "acme",
        "mode": 1,
        "step": 1,
    }
    return Change(**(plain | values))


def totals() -> dict[tuple[str, str], float]:
    return {(metric, figures.label(**labels)): value for metric, labels, value in figures.totals()}


def test_a_send_changes_the_metrics_by_exactly_what_happened(
    api: APIClient, scrape: Scrape, run: Run
) -> None:
    make_type("order_shipped")
    before = scrape()
    to = {"user_id": "ann", "email": "ann@example.com"}
    assert api.post("/api/v1/notifications", {"type": "order_shipped", "to": to}).status_code == 202

    waiting = grown(before, scrape())
    run()
    after = grown(before, scrape())

    depth = "notifysite_queue_depth{'kind': 'notifications', 'lane': 'default'}"
    assert waiting.pop(depth) == 1
    assert all(name.startswith("notifysite_queue_oldest") for name in waiting)
    label = "{{'channel': '{}', 'provider': '{}', 'reason': '', 'status': '{}'}}"
    deliveries = {
        name: value for name, value in after.items() if name.startswith("notifysite_deliveries")
    }
    assert deliveries == {
        "notifysite_deliveries_total" + label.format("email", "scripted", "sent"): 1,
        "notifysite_deliveries_total" + label.format("in_app", "inbox", "delivered"): 1,
    }
    counts = {name: value for name, value in after.items() if "_seconds_count" in name}
    assert counts == {
        "notifysite_accept_to_sent_seconds_count{'channel': 'email'}": 1,
        "notifysite_accept_to_sent_seconds_count{'channel': 'in_app'}": 1,
        "notifysite_provider_call_seconds_count{'channel': 'in_app', 'provider': 'inbox'}": 1,
    }
    assert not any("queue" in name for name in after)


def test_what_was_skipped_or_withdrawn_counts_no_call(
    api: APIClient, scrape: Scrape, provider: Ledger, run: Run
) -> None:
    make_type("mail", steps=[{"channel": "email"}])
    before = scrape()
    to = {"user_id": "ann", "email": "ann@example.com"}
    provider.script = [OutcomeKind.REFUSED_ADDRESS]
    api.post("/api/v1/notifications", {"type": "mail", "to": to})
    run()

    assert grown(before, scrape()) == {
        "notifysite_deliveries_total{'channel': 'email', 'provider': 'scripted',"
        " 'reason': 'address_dead', 'status': 'failed'}": 1
    }


def test_folding_changes_no_total() -> None:
    for seconds in (0.0625, 0.125, 0.5, 4096.0):
        figures.observe([change(queued_seconds=seconds, call_seconds=seconds)])
    before = totals()

    assert figures.fold() > 0
    assert totals() == before
    assert not FigureDelta.objects.exists()
    figures.observe([change(queued_seconds=0.05)])
    figures.fold()
    assert figures.fold() == 0
    assert Figure.objects.filter(metric="deliveries").count() == 1
    assert totals()["deliveries", DELIVERED] == before["deliveries", DELIVERED] + 1


DELIVERED = figures.label(channel="email", provider="acme", status="sent", reason="")


def test_an_observation_falls_into_its_bucket(scrape: Scrape) -> None:
    for seconds in (0.05, 0.1, 0.3, 100_000.0):
        figures.observe([change(queued_seconds=seconds)])

    name = "notifysite_accept_to_sent_seconds"
    found = {key: value for key, value in scrape().items() if key.startswith(name)}
    bucket = name + "_bucket{{'channel': 'email', 'le': '{}'}}"
    assert found[bucket.format("0.1")] == 2
    assert found[bucket.format("0.25")] == 2
    assert found[bucket.format("0.5")] == 3
    assert found[bucket.format("86400.0")] == 3
    assert found[bucket.format("+Inf")] == 4
    assert found[name + "_count{'channel': 'email'}"] == 4
    assert found[name + "_sum{'channel': 'email'}"] == pytest.approx(100_000.45)


def test_being_seen_is_no_second_delivery() -> None:
    figures.observe([change(state=int(State.DELIVERED), seen=True)])
    assert totals() == {}


def test_a_reason_is_a_label() -> None:
    figures.observe([change(state=int(State.DEAD), reason=int(Reason.RETRIES_EXHAUSTED))] * 2)
    labels = figures.label(
        channel="email", provider="acme", status="dead", reason="retries_exhausted"
    )
    assert totals() == {("deliveries", labels): 2}


def test_figures_stay_or_go_with_the_facts(settings: Any) -> None:
    with transaction.atomic():
        announcements.announce([change()], lane=2)

    settings.DELIVERY_OBSERVERS = [*settings.DELIVERY_OBSERVERS, f"{__name__}.break_off"]
    assert announcements.consume(2) == 0
    assert totals() == {}

    settings.DELIVERY_OBSERVERS = settings.DELIVERY_OBSERVERS[:-1]
    announcements.consume(2)
    assert totals() == {("deliveries", DELIVERED): 1}


def break_off(changes: Any) -> None:
    """An observer that fails after the figures were added."""
    raise RuntimeError


def test_a_large_batch_is_one_statement() -> None:
    def cost(count: int) -> int:
        with CaptureQueriesContext(connection) as queries:
            figures.observe([change(queued_seconds=n / 10, call_seconds=0.2) for n in range(count)])
        return len(queries)

    assert cost(1) == cost(500) == 1


def test_a_scrape_costs_eight_queries(scrape: Scrape) -> None:
    with CaptureQueriesContext(connection) as queries:
        scrape()
    assert len(queries) == 8


def test_nothing_of_a_person_is_in_the_labels(api: APIClient, scrape: Scrape, run: Run) -> None:
    make_type("mail", steps=[{"channel": "email"}])
    to = {"user_id": "canary-person", "email": "canary@example.com"}
    answer = api.post("/api/v1/notifications", {"type": "mail", "to": to}).json()
    run()
    text = str(scrape())
    assert "canary" not in text
    assert str(UUID(answer["request_id"])) not in text
