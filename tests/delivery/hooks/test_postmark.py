"""What Postmark's own words mean."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from delivery.contracts import Call
from delivery.lifecycle import EventKind
from delivery.providers.email.services import Postmark
from notifysite.plumbing.ids import uuid7
from tests.delivery.hooks.callers.postmark import login
from tests.fakes.mail.postmark import PASSWORD, TOKEN, USER

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
REFERENCE = uuid7()


def heard(**said: Any) -> list[EventKind]:
    provider = Postmark(
        alias="postmark",
        server_token=TOKEN,
        webhook_user=USER,
        webhook_password=PASSWORD,
        from_email="hello@acme.test",
    )
    named = {"MessageID": "pm-1", "Metadata": {"reference": str(REFERENCE)}}
    body = json.dumps(named | said).encode()
    call = Call(
        url="https://notify.test/hooks/postmark/",
        headers={"Authorization": login(USER, PASSWORD)},
        body=body,
        at=NOW,
    )
    reports = provider.hear(call).reports
    assert {(report.reference, report.provider_ref) for report in reports} <= {(REFERENCE, "pm-1")}
    return [report.kind for report in reports]


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("HardBounce", EventKind.HARD_BOUNCE),
        ("BadEmailAddress", EventKind.HARD_BOUNCE),
        ("Blocked", EventKind.SOFT_BOUNCE),
        ("SpamNotification", EventKind.SOFT_BOUNCE),
        ("DMARCPolicy", EventKind.SOFT_BOUNCE),
        ("Transient", EventKind.DEFERRED),
        ("ManuallyDeactivated", EventKind.REJECTED),
        ("SpamComplaint", EventKind.COMPLAINT),
        ("Unsubscribe", EventKind.UNSUBSCRIBED),
    ],
)
def test_only_a_mailbox_that_is_not_there_is_dead(said, kind) -> None:
    assert heard(RecordType="Bounce", Type=said) == [kind]


@pytest.mark.parametrize("said", ["AutoResponder", "Subscribe", "ChallengeVerification", "Newest"])
def test_an_answering_machine_is_no_news(said) -> None:
    assert heard(RecordType="Bounce", Type=said) == []


@pytest.mark.parametrize(
    ("said", "kinds"),
    [
        (("ManualSuppression", "Recipient", True), [EventKind.UNSUBSCRIBED]),
        (("ManualSuppression", "Customer", True), []),
        (("ManualSuppression", "Recipient", False), []),
        (("HardBounce", "Recipient", True), [EventKind.HARD_BOUNCE]),
        (("SpamComplaint", "Recipient", True), [EventKind.COMPLAINT]),
    ],
)
def test_only_who_unsubscribed_themselves_has_unsubscribed(said, kinds) -> None:
    reason, origin, stopped = said
    assert (
        heard(
            RecordType="SubscriptionChange",
            SuppressionReason=reason,
            Origin=origin,
            SuppressSending=stopped,
        )
        == kinds
    )


def test_without_a_login_nothing_is_waited_for() -> None:
    deaf = Postmark(alias="postmark", server_token=TOKEN, from_email="hello@acme.test")
    assert deaf.reports is False
