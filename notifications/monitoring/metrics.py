"""Prometheus metrics, read from the database when they are asked for: any web process answers
for the whole installation, and none of them is lost when it restarts."""

from collections.abc import Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from delivery import channels, standing
from delivery.hooks import counts
from delivery.tracking import counts as hit_counts
from notifications import figures, heartbeats
from notifications.callbacks import health
from notifications.monitoring.queues import queues
from notifications.words import Lane

_HISTOGRAMS = {
    figures.ACCEPT_TO_SENT: (
        "notifysite_accept_to_sent_seconds",
        "From when a notification could first be sent until a provider had taken it.",
        ["channel"],
    ),
    figures.PROVIDER_CALL: (
        "notifysite_provider_call_seconds",
        "How long a provider took to answer for one message, in the last call of a delivery.",
        ["channel", "provider"],
    ),
}
_DELIVERY_LABELS = ["channel", "provider", "status", "reason"]


def scrape() -> bytes:
    """All metrics in the text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Database())
    return bytes(generate_latest(registry))


class _Database(Collector):
    """Eight queries."""

    def collect(self) -> Iterable[Metric]:
        """Every family."""
        yield from _queues()
        yield from _heartbeats()
        yield from _providers()
        yield _hooks()
        yield _hits()
        yield _callbacks()
        yield from _figures()

    def describe(self) -> Iterable[Metric]:
        """Nothing: describing would ask the database when the collector is registered."""
        return []


def _queues() -> Iterator[Metric]:
    labels = ["kind", "lane"]
    depth = GaugeMetricFamily(
        "notifysite_queue_depth", "Rows that are due now, counted up to 100,000.", labels=labels
    )
    oldest = GaugeMetricFamily(
        "notifysite_queue_oldest_due_seconds", "How long the oldest has been due.", labels=labels
    )
    for queue in queues():
        names = [queue.kind, queue.lane.name.lower()]
        depth.add_metric(names, queue.depth)
        oldest.add_metric(names, queue.oldest)
    yield from (depth, oldest)


_KINDS = (heartbeats.PUMP, *(heartbeats.worker_of(lane) for lane in Lane))


def _heartbeats() -> Iterator[Metric]:
    signs = heartbeats.signs()
    # A kind nobody was ever heard of counts too, or nothing could alarm on it.
    alive = {kind: float(signs[kind].alive) if kind in signs else 0.0 for kind in (*_KINDS, *signs)}
    yield _by_kind("processes", "Processes heard of in the last 30 seconds.", alive)
    yield _by_kind(
        "heartbeat_age_seconds",
        "Since the last heartbeat.",
        {kind: sign.age for kind, sign in signs.items()},
    )
    yield _by_kind(
        "consumed_age_seconds",
        "Since the last nudge was taken.",
        {kind: sign.took for kind, sign in signs.items()},
    )
    yield _by_kind(
        "nudged_age_seconds",
        "Since the broker last took a nudge for every lane.",
        {kind: sign.nudged for kind, sign in signs.items()},
    )


def _by_kind(name: str, text: str, values: Mapping[str, float | None]) -> Metric:
    family = GaugeMetricFamily(f"notifysite_{name}", text, labels=["kind"])
    for kind, value in sorted(values.items()):
        if value is not None:
            family.add_metric([kind], value)
    return family


def _hooks() -> Metric:
    family = CounterMetricFamily(
        "notifysite_hook_calls",
        "Calls of providers, and reports in them, by what they were met with.",
        labels=["provider", "verdict"],
    )
    for row in counts.read():
        family.add_metric([row.provider, row.verdict], row.calls)
    return family


def _hits() -> Metric:
    family = CounterMetricFamily(
        "notifysite_hits",
        "Hits of tracked links and pictures, by what they were met with.",
        labels=["verdict"],
    )
    for verdict, hits in hit_counts.read().items():
        family.add_metric([verdict], hits)
    return family


def _callbacks() -> Metric:
    family = GaugeMetricFamily(
        "notifysite_callback_endpoints",
        "Where services are told what became of deliveries, by how that fares.",
        labels=["state"],
    )
    for state, count in health.standings().items():
        family.add_metric([state], count)
    return family


def _providers() -> Iterator[Metric]:
    labels = ["channel", "provider"]
    families = {
        "breaker_open": "Whether it is left alone, or tried with one message at a time.",
        "breaker_drained": "Whether operators have it given no new message.",
        "breaker_drill": "Whether its calls are failed on purpose.",
        "route_takes": "The share of the channel's new messages it is given now, 0 to 1.",
    }
    gauges = [
        GaugeMetricFamily(f"notifysite_{name}", text, labels=labels)
        for name, text in families.items()
    ]
    for one in standing.read():
        if one.turn is not None:
            names = [channels.by_number(one.way.channel).key, one.way.alias]
            values = (one.switch.open_until is not None, one.switch.drained, one.drilled, one.takes)
            for gauge, value in zip(gauges, values, strict=True):
                gauge.add_metric(names, value)
    yield from gauges


def _figures() -> Iterator[Metric]:
    deliveries = CounterMetricFamily(
        "notifysite_deliveries", "Deliveries that came to a status.", labels=_DELIVERY_LABELS
    )
    measured: dict[str, dict[tuple[str, ...], dict[str, float]]] = {
        metric: {} for metric in _HISTOGRAMS
    }
    for metric, labels, value in figures.totals():
        if metric == figures.DELIVERIES:
            deliveries.add_metric([labels[name] for name in _DELIVERY_LABELS], value)
        elif metric in measured:
            names = tuple(labels[name] for name in _HISTOGRAMS[metric][2])
            measured[metric].setdefault(names, {})[labels.get("le", "sum")] = value
    yield deliveries
    for metric, (name, text, label_names) in _HISTOGRAMS.items():
        family = HistogramMetricFamily(name, text, labels=label_names)
        for names, values in sorted(measured[metric].items()):
            family.add_metric(list(names), _cumulative(metric, values), values.get("sum", 0.0))
        yield family


def _cumulative(metric: str, values: dict[str, float]) -> list[tuple[str, float]]:
    """Stored buckets hold their own; Prometheus wants each with all below it."""
    total, found = 0.0, []
    for bound in (*(str(float(one)) for one in figures.BUCKETS[metric]), figures.INFINITY):
        total += values.get(bound, 0.0)
        found.append((bound, total))
    return found
