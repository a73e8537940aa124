"""The proof: one message on every channel, and what the API says became of each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from notifications.demo.caller import ARRIVED, Shop

PATIENCE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Errand:
    """One request, and the channels on which it has to arrive."""

    type: str
    channels: tuple[str, ...]


# Together: every channel there is.
ERRANDS = (
    Errand("order_shipped", ("in_app", "email")),
    Errand("sign_in_code", ("sms",)),
    Errand("delivery_today", ("mobile_push", "web_push")),
    Errand("invoice_ready", ("email", "webhook", "chat")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What became of one errand; `missing` says by channel why something did not arrive."""

    errand: Errand
    notification: Mapping[str, Any]
    timeline: Sequence[Mapping[str, Any]]

    @property
    def missing(self) -> dict[str, str]:
        """Channels on which nothing arrived, and why."""
        arrived = {
            one["channel"] for one in self.notification["deliveries"] if one["status"] in ARRIVED
        }
        return {
            channel: why(self.notification, channel)
            for channel in self.errand.channels
            if channel not in arrived
        }


def prove(shop: Shop, *, to: str, patience: float = PATIENCE_SECONDS) -> Iterator[Proof]:
    """Send everything first, then wait for each; raises Refused where a request is not taken."""
    sent = [
        (errand, shop.send(errand.type, to=to, data=shop.sample(errand.type))) for errand in ERRANDS
    ]
    for errand, notification_id in sent:
        found = shop.finished(notification_id, patience=patience)
        yield Proof(errand=errand, notification=found, timeline=shop.timeline(notification_id))


def why(notification: Mapping[str, Any], channel: str) -> str:
    """Why nothing arrived on a channel, as far as the API tells."""
    for one in notification["deliveries"]:
        if one["channel"] == channel:
            return f"{one['status']} {one['reason'] or ''}".strip()
    for step in notification["decision"]:
        if step["channel"] == channel and step["outcome"] != "send":
            return f"{step['outcome']} {step['reason'] or ''}".strip()
    return f"nothing was sent; the notification is {notification['status']}"


def fates(notification: Mapping[str, Any]) -> list[str]:
    """A line for each message there is, and for each step that made none."""
    made = [f"{one['status']:<9} {_fate(notification, one)}" for one in notification["deliveries"]]
    unmade = [one for one in notification["decision"] if one["outcome"] != "send"]
    return made + [f"{one['outcome']:<9} {one['channel']}: {one['reason']}" for one in unmade]


def _fate(notification: Mapping[str, Any], delivery: Mapping[str, Any]) -> str:
    channel = delivery["channel"]
    if not (delivery["sent_at"] or delivery["delivered_at"]):
        return f"{channel}: {delivery['reason'] or 'not taken yet'}"
    return f"{channel} after {seconds(notification, delivery):.2f} s by {delivery['provider']}"


def seconds(notification: Mapping[str, Any], delivery: Mapping[str, Any]) -> float:
    """How long after it was accepted a message had arrived, or left."""
    ended = delivery["delivered_at"] or delivery["sent_at"]
    return (_moment(ended) - _moment(notification["created_at"])).total_seconds()


def lines(timeline: Sequence[Mapping[str, Any]]) -> list[str]:
    """A timeline as a table: when, what, in words."""
    width = max((len(entry["kind"]) for entry in timeline), default=0)
    return [
        f"{_moment(entry['at']):%H:%M:%S.%f}"[:-3] + f"  {entry['kind']:<{width}}  {entry['text']}"
        for entry in timeline
    ]


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
