"""Amazon SES: letters by its API v2, news by the SNS topic of a configuration set.

Sources: Amazon SES API v2 reference, "SendEmail"; Amazon SES developer guide, "Contents of event
data that Amazon SES publishes to Amazon SNS", "Contents of Amazon SNS notifications" and "Service
quotas" (size); AWS knowledge center, "What is a soft bounce in Amazon SES?".
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from delivery.contracts import Call, Heard, Report
from delivery.errors import Malformed
from delivery.lifecycle import EventKind
from delivery.providers.email.provider import API_FINAL_TIMEOUT
from delivery.providers.email.services import sns
from delivery.providers.email.services.base import MB, MailService
from delivery.providers.email.services.reading import (
    by_policy,
    detail,
    in_headers,
    inside,
    moment,
    reference,
    text,
)

_KINDS: Final[Mapping[str, EventKind]] = {
    "Send": EventKind.SENT,
    "DeliveryDelay": EventKind.DEFERRED,
    "Delivery": EventKind.DELIVERED,
    "Complaint": EventKind.COMPLAINT,
    "Reject": EventKind.REJECTED,
    "Rendering Failure": EventKind.REJECTED,
    "Open": EventKind.OPENED,
    "Click": EventKind.CLICKED,
}
# SES has not tried: the address stands on a list of its own, for whatever reason.
_NOT_TRIED: Final = frozenset({"Suppressed", "OnAccountSuppressionList"})


class AmazonSes(MailService):
    """Sends through Amazon SES in one region.

    Without keys the AWS SDK looks for credentials where it always does: variables, files, the role
    of the machine. `topic_arns`, separated by commas, may tell us what became of letters; that
    takes a `configuration_set` which publishes to them. `site` is where SNS is.
    """

    backend = "delivery.providers.email.services.aws.Backend"
    most_bytes = 40 * MB

    def __init__(
        self,
        *,
        alias: str,
        region: str,
        access_key_id: str = "",
        secret_access_key: str = "",
        configuration_set: str = "",
        topic_arns: str | Sequence[str] = (),
        api_url: str = "",
        site: str = sns.SITE,
        connect_timeout: float = 10.0,
        final_timeout: float = API_FINAL_TIMEOUT,
        **options: Any,
    ) -> None:
        self._topics = sns.Topics(_each(topic_arns), site=site)
        # One try: a second one of the SDK's own would be a copy that nobody counts.
        config = {
            "connect_timeout": connect_timeout,
            "read_timeout": final_timeout,
            "retries": {"total_max_attempts": 1},
        }
        session = {
            "region_name": region,
            "aws_access_key_id": access_key_id or None,
            "aws_secret_access_key": secret_access_key or None,
        }
        super().__init__(
            alias=alias,
            connection={
                "session_params": session,
                "client_params": {"config": config, "endpoint_url": api_url or None},
                "configuration_set_name": configuration_set,
            },
            reports=bool(self._topics),
            connect_timeout=connect_timeout,
            final_timeout=final_timeout,
            **options,
        )

    def hear(self, call: Call) -> Heard:
        """Read what SNS brings of one letter; accept its invitation to a topic of ours."""
        notification = self._topics.hear(call)
        if notification is None:
            return Heard()
        said = _event(text(notification, "Message"))
        kind = _kind(said)
        key = text(notification, "MessageId")
        return Heard(reports=[_report(said, kind, key, call.at)] if kind else [])

    def close(self) -> None:
        """Close the kept connections."""
        super().close()
        self._topics.close()


def _each(arns: str | Sequence[str]) -> list[str]:
    listed = arns.split(",") if isinstance(arns, str) else arns
    return [arn.strip() for arn in listed if arn.strip()]


def _event(message: str) -> dict[str, Any]:
    try:
        said = json.loads(message)
    except (ValueError, RecursionError):
        # SNS tells of itself in plain words, as when SES is allowed to publish to a topic.
        return {}
    if not isinstance(said, dict):
        raise Malformed("The message is no event.")
    return said


def _type(said: Mapping[str, Any]) -> str:
    return text(said, "eventType") or text(said, "notificationType")


def _kind(said: Mapping[str, Any]) -> EventKind | None:
    match _type(said):
        case "Bounce":
            return _bounce(said)
        case "Complaint" if text(said, "complaint", "complaintSubType") in _NOT_TRIED:
            return EventKind.REJECTED
        case "Complaint" if text(said, "complaint", "complaintFeedbackType") == "not-spam":
            return None
        case "Subscription":
            everything = inside(said, "subscription", "newTopicPreferences", "unsubscribeAll")
            return EventKind.UNSUBSCRIBED if everything is True else None
        case other:
            return _KINDS.get(other)


def _bounce(said: Mapping[str, Any]) -> EventKind | None:
    type_, subtype = (text(said, "bounce", name) for name in ("bounceType", "bounceSubType"))
    if subtype in _NOT_TRIED:
        return EventKind.REJECTED
    status = text(_bounced(said), "status")
    # Somebody's "I am away", and no report of a mail server: the letter is there.
    if (type_, subtype, status) == ("Transient", "General", ""):
        return None
    if type_ == "Permanent" and not by_policy(status):
        return EventKind.HARD_BOUNCE
    return EventKind.SOFT_BOUNCE


def _bounced(said: Mapping[str, Any]) -> Any:
    people = inside(said, "bounce", "bouncedRecipients")
    return people[0] if isinstance(people, list) and people else None


def _report(said: Mapping[str, Any], kind: EventKind, key: str, now: datetime) -> Report:
    type_ = _type(said)
    about = inside(said, type_[:1].lower() + type_[1:])  # "DeliveryDelay" is in `deliveryDelay`
    person = _bounced(said)
    return Report(
        kind=kind,
        at=moment(inside(about, "timestamp"), otherwise=now),
        event_key=key,
        reference=reference(in_headers(inside(said, "mail", "headers"), "x-metadata")),
        provider_ref=text(said, "mail", "messageId"),
        code=text(about, "bounceSubType") or text(about, "complaintFeedbackType") or type_,
        detail=detail(text(person, "diagnosticCode"), address=text(person, "emailAddress")),
    )
