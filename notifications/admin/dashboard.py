"""What an operator sees first: is it well, what goes through, what waits, what was given up."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from delivery import standing
from delivery.lifecycle import State
from delivery.models import Delivery, Heartbeat
from notifications import figures
from notifications.admin.spans import span
from notifications.monitoring import readiness
from notifications.monitoring.queues import queues

MOST_DEAD = 100
ALIVE_SECONDS = 60

_FAILED = ("failed", "bounced", "complained", "dead")


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
    if may("delivery.view_breaker"):
        own["numbers"] = [*own.get("numbers", []), _providers()]
    if may("delivery.view_heartbeat"):
        own |= {"parts": readiness.parts(), "beats": _beats()}
    return {**context, "title": "Today", **own}


def today() -> list[Way]:
    """Today's figures (UTC) by channel; one query over the roll-ups."""
    counted: dict[str, dict[str, int]] = {}
    for said, value in figures.today(figures.DELIVERIES):
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
    about = f"the oldest for {span(oldest)}" if depth else "nothing waits"
    return [Number("Due now", f"{depth:,}", about)]


def _dead() -> Number:
    """Counted to a bound: past it the number says nothing that the list does not."""
    ids = Delivery.objects.filter(state=State.DEAD).values_list("pk", flat=True)
    found = len(ids[: MOST_DEAD + 1])
    shown = f"{MOST_DEAD}+" if found > MOST_DEAD else str(found)
    url = reverse("admin:delivery_delivery_changelist")
    return Number("Dead letters", shown, "given up, can be sent again", url)


def _providers() -> Number:
    there = [one for one in standing.read() if one.turn is not None]
    well = sum(one.state is standing.State.WELL for one in there)
    troubled = [one.way.alias for one in there if one.state is not standing.State.WELL]
    about = f"not: {', '.join(sorted(set(troubled)))}" if troubled else "each on its channel"
    url = reverse("admin:delivery_breaker_changelist")
    return Number("Providers that are well", f"{well} of {len(there)}", about, url)


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
    ("See how providers are", "delivery_breaker_changelist", "delivery.view_breaker"),
    ("Look somebody up", "preferences_recipient_changelist", "preferences.view_recipient"),
    ("Issue an API key", "notifications_service_changelist", "notifications.add_apikey"),
)


def _links(request: HttpRequest) -> list[tuple[str, str]]:
    return [
        (label, reverse(f"admin:{name}"))
        for label, name, permission in _LINKS
        if request.user.has_perm(permission)
    ]
