"""What an operator sees first: is it well, what goes through, what waits, what was given up."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from delivery.lifecycle import State
from delivery.models import Delivery, Heartbeat
from notifications import figures
from notifications.monitoring import readiness
from notifications.monitoring.queues import queues

MOST_DEAD = 100
ALIVE_SECONDS = 60

_FAILED = ("failed", "bounced", "complained", "dead")

_TODAY = """
    SELECT labels, sum(value) FROM (
        SELECT labels, value FROM figure WHERE day = %(day)s AND metric = %(metric)s
        UNION ALL
        SELECT labels, value FROM figure_delta WHERE day = %(day)s AND metric = %(metric)s
    ) AS today GROUP BY labels
"""


@dataclass(frozen=True, slots=True)
class Number:
    """One figure; `url` leads to what it is made of."""

    label: str
    value: str
    about: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Way:
    """Today's figures of one channel."""

    channel: str
    sent: int
    delivered: int
    failed: int


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What unfold shows on its first page; each part for who may see what it is made of."""
    may = request.user.has_perm
    own: dict[str, Any] = {"links": _links(request)}
    if may("delivery.view_delivery"):
        ways = today()
        waiting = queues()
        own |= {
            "numbers": [*_numbers(ways), *_queued(waiting), _dead()],
            "ways": ways,
            "queues": waiting,
        }
    if may("delivery.view_heartbeat"):
        own |= {"parts": readiness.parts(), "beats": _beats()}
    return {**context, "title": "Today", **own}


def today() -> list[Way]:
    """Today's figures (UTC) by channel; one query over the roll-ups."""
    values = {"day": f"{datetime.now(UTC):%Y-%m-%d}", "metric": figures.DELIVERIES}
    counted: dict[str, dict[str, int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_TODAY, values)
        for labels, value in cursor.fetchall():
            said = json.loads(labels)
            of = counted.setdefault(said["channel"], {})
            of[said["status"]] = of.get(said["status"], 0) + round(value)
    return [_way(channel, of) for channel, of in sorted(counted.items())]


def _way(channel: str, counted: Mapping[str, int]) -> Way:
    return Way(
        channel=channel,
        sent=counted.get("sent", 0),
        delivered=counted.get("delivered", 0),
        failed=sum(counted.get(word, 0) for word in _FAILED),
    )


def _numbers(ways: list[Way]) -> list[Number]:
    return [
        Number(
            "Handed over", f"{sum(way.sent for way in ways):,}", "today, by the provider's word"
        ),
        Number("Delivered", f"{sum(way.delivered for way in ways):,}", "today"),
        Number("Failed", f"{sum(way.failed for way in ways):,}", "today, bounces included"),
    ]


def _queued(waiting: Any) -> list[Number]:
    depth = sum(queue.depth for queue in waiting)
    oldest = max((queue.oldest for queue in waiting), default=0.0)
    about = f"the oldest for {_span(oldest)}" if depth else "nothing waits"
    return [Number("Due now", f"{depth:,}", about)]


def _span(seconds: float) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _dead() -> Number:
    """Counted to a bound: past it the number says nothing that the list does not."""
    ids = Delivery.objects.filter(state=State.DEAD).values_list("pk", flat=True)
    found = len(ids[: MOST_DEAD + 1])
    shown = f"{MOST_DEAD}+" if found > MOST_DEAD else str(found)
    url = reverse("admin:delivery_delivery_changelist")
    return Number("Dead letters", shown, "given up, can be sent again", url)


def _beats() -> list[dict[str, Any]]:
    now = timezone.now()
    return [
        {"row": beat, "alive": (now - beat.at).total_seconds() < ALIVE_SECONDS}
        for beat in Heartbeat.objects.order_by("kind", "name")[:50]
    ]


_LINKS = (
    (
        "Write a new type",
        "notifications_notificationtype_add",
        "notifications.add_notificationtype",
    ),
    (
        "See what was sent",
        "notifications_notification_changelist",
        "notifications.view_notification",
    ),
    ("Look at the outbox", "delivery_outboxmessage_changelist", "delivery.view_outboxmessage"),
    ("Look somebody up", "preferences_recipient_changelist", "preferences.view_recipient"),
    ("Issue an API key", "notifications_service_changelist", "notifications.add_apikey"),
)


def _links(request: HttpRequest) -> list[tuple[str, str]]:
    return [
        (label, reverse(f"admin:{name}"))
        for label, name, permission in _LINKS
        if request.user.has_perm(permission)
    ]
