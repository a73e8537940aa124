"""What the demo reads out of the API's answers."""

from typing import Any

from delivery import channels
from notifications.demo import proof
from notifications.demo.caller import is_settled
from notifications.demo.proof import ERRANDS, Errand, Proof

SENT_AT = "2026-11-22T20:00:00.250000Z"


def delivery(channel: str, status: str, **said: Any) -> dict[str, Any]:
    there = {"channel": channel, "status": status, "reason": None, "provider": "sandbox"}
    return {**there, "sent_at": None, "delivered_at": None, **said}


def step(channel: str, outcome: str, **said: Any) -> dict[str, Any]:
    return {"channel": channel, "outcome": outcome, "reason": None, "until": None, **said}


def notification(
    *deliveries: dict[str, Any], decision: tuple[dict[str, Any], ...] = (), status: str = "done"
) -> dict[str, Any]:
    return {
        "status": status,
        "created_at": "2026-11-22T20:00:00Z",
        "deliveries": list(deliveries),
        "decision": list(decision),
    }


def missing(found: dict[str, Any], *wanted: str) -> dict[str, str]:
    return Proof(errand=Errand("t", wanted), notification=found, timeline=[]).missing


def test_the_errands_cover_every_channel_there_is() -> None:
    covered = {channel for errand in ERRANDS for channel in errand.channels}

    assert covered == {spec.key for spec in channels.every()}


def test_what_was_sent_or_delivered_has_arrived() -> None:
    found = notification(delivery("email", "sent"), delivery("in_app", "delivered"))

    assert missing(found, "email", "in_app") == {}


def test_what_did_not_arrive_says_why() -> None:
    found = notification(
        delivery("email", "failed", reason="address_dead"),
        decision=(
            step("email", "send"),
            step("sms", "skip", reason="opted_out_channel"),
            step("web_push", "hold", reason="quiet_hours"),
        ),
    )

    assert missing(found, "email", "sms", "web_push", "webhook") == {
        "email": "failed address_dead",
        "sms": "skip opted_out_channel",
        "web_push": "hold quiet_hours",
        "webhook": "nothing was sent; the notification is done",
    }


def test_each_message_and_each_step_without_one_has_a_line() -> None:
    found = notification(
        delivery("email", "sent", sent_at=SENT_AT),
        delivery("sms", "queued", provider=None),
        delivery("webhook", "failed", reason="address_dead"),
        decision=(step("email", "send"), step("in_app", "skip", reason="opted_out_category")),
    )

    assert proof.fates(found) == [
        "sent      email after 0.25 s by sandbox",
        "queued    sms: not taken yet",
        "failed    webhook: address_dead",
        "skip      in_app: opted_out_category",
    ]


def test_a_timeline_is_a_table() -> None:
    entries = [
        {"at": "2026-11-22T20:00:00Z", "kind": "accepted", "text": "Asked."},
        {"at": SENT_AT, "kind": "sent", "text": "Handed over."},
    ]

    assert proof.lines(entries) == [
        "20:00:00.000  accepted  Asked.",
        "20:00:00.250  sent      Handed over.",
    ]


def test_only_a_time_is_not_waited_for() -> None:
    later = step("email", "hold", until="2030-01-01T00:00:00Z")
    news = step("email", "hold")

    assert not is_settled(notification(status="accepted"))
    assert not is_settled(notification(delivery("sms", "queued"), status="planned"))
    assert not is_settled(notification(delivery("sms", "sent"), decision=(news,), status="planned"))
    assert is_settled(notification(delivery("sms", "sent"), decision=(later,), status="planned"))
    assert is_settled(notification(delivery("sms", "sent")))
