"""What SNS and Amazon SES say, and how we know that it is they."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from delivery.contracts import Call
from delivery.errors import Forged, Stale, Unverified
from delivery.lifecycle import EventKind
from delivery.providers.email.services import AmazonSes
from tests.fakes.mail.ses import KEY_ID, REGION, SECRET_KEY, TOPIC
from tests.fakes.mail.sns import CERTIFICATE, Sns, certificate, key, posted
from tests.fakes.service import DROP, HANG, Reply

NOW = datetime.now(UTC)


@pytest.fixture
def sns(settings) -> Iterator[Sns]:
    with Sns() as service:
        settings.OUTBOUND_ALLOWED_ORIGINS = [service.origin]
        yield service


@pytest.fixture
def provider(sns) -> Iterator[AmazonSes]:
    made = AmazonSes(
        alias="ses",
        region=REGION,
        access_key_id=KEY_ID,
        secret_access_key=SECRET_KEY,
        topic_arns=f"{TOPIC}, {TOPIC}-2",
        site=sns.origin,
        from_email="hello@acme.test",
    )
    with closing(made):
        yield made


def call(envelope: dict[str, Any]) -> Call:
    return Call(url="https://notify.test/hooks/ses/", headers={}, body=posted(envelope), at=NOW)


def heard(provider: AmazonSes, sns: Sns, event: Any, **said: Any) -> list[EventKind]:
    envelope = sns.envelope(json.dumps(event), topic=TOPIC, at=NOW, **said)
    return [report.kind for report in provider.hear(call(envelope)).reports]


DELIVERED = {"eventType": "Delivery", "mail": {"messageId": "ses-1"}, "delivery": {}}


@pytest.mark.parametrize("version", ["1", "2"])
def test_both_ways_to_sign_are_understood(provider, sns, version) -> None:
    said = {"SignatureVersion": version, "Subject": "Amazon SES Email Event Notification"}
    assert heard(provider, sns, DELIVERED, **said) == [EventKind.DELIVERED]


def test_a_subject_of_nothing_is_not_signed(provider, sns) -> None:
    envelope = {**sns.envelope(json.dumps(DELIVERED), topic=TOPIC, at=NOW), "Subject": None}
    assert len(provider.hear(call(envelope)).reports) == 1


def test_a_certificate_is_fetched_once(provider, sns) -> None:
    for _ in range(3):
        heard(provider, sns, DELIVERED)
    assert [taken.path for taken in sns.taken] == [CERTIFICATE]


def test_nobody_waits_while_another_certificate_is_fetched(provider, sns) -> None:
    heard(provider, sns, DELIVERED)
    sns.on_call(HANG)
    url = f"{sns.origin}/SimpleNotificationService-{{}}.pem".format
    pool = ThreadPoolExecutor(max_workers=1)
    pool.submit(heard, provider, sns, DELIVERED, SigningCertURL=url("nobodys1"))
    pool.shutdown(wait=False)
    while len(sns.taken) < 2:
        time.sleep(0.01)

    assert heard(provider, sns, DELIVERED) == [EventKind.DELIVERED]
    with pytest.raises(Unverified, match="Another certificate is being fetched"):
        heard(provider, sns, DELIVERED, SigningCertURL=url("nobodys2"))


def test_an_invitation_to_our_topic_is_accepted(provider, sns) -> None:
    envelope = sns.invitation(topic=TOPIC, at=NOW)
    assert provider.hear(call(envelope)).reports == ()
    assert sns.confirmed == [envelope["Token"]]


def test_an_invitation_to_another_topic_is_not(provider, sns) -> None:
    with pytest.raises(Forged):
        provider.hear(call(sns.invitation(topic=f"{TOPIC}-3", at=NOW)))
    assert (sns.confirmed, sns.taken) == ([], [])


def test_an_invitation_that_leads_elsewhere_is_not(provider, sns) -> None:
    with Sns() as other:
        url = f"{other.origin}/?Action=ConfirmSubscription&Token=x"
        envelope = sns.envelope(
            "Come",
            topic=TOPIC,
            at=NOW,
            Type="SubscriptionConfirmation",
            Token="x",
            SubscribeURL=url,
        )
        with pytest.raises(Forged):
            provider.hear(call(envelope))
        assert other.taken == []


def test_what_came_late_because_we_were_away_is_heard(provider, sns) -> None:
    envelope = sns.envelope(json.dumps(DELIVERED), topic=TOPIC, at=NOW - timedelta(minutes=60))
    assert len(provider.hear(call(envelope)).reports) == 1


@pytest.mark.parametrize("ago", [timedelta(minutes=70), timedelta(minutes=-70), timedelta(400)])
def test_a_recording_is_not_heard(provider, sns, ago) -> None:
    with pytest.raises(Stale):
        provider.hear(call(sns.envelope(json.dumps(DELIVERED), topic=TOPIC, at=NOW - ago)))


@pytest.mark.parametrize("trouble", [DROP, Reply(503), Reply(200, b"<html>")])
def test_while_sns_cannot_be_asked_it_may_come_again(provider, sns, trouble) -> None:
    sns.on_call(trouble)
    with pytest.raises(Unverified):
        heard(provider, sns, DELIVERED)
    assert heard(provider, sns, DELIVERED) == [EventKind.DELIVERED]


@pytest.mark.parametrize("days", [(-300, -1), (1, 300)])
def test_a_certificate_of_another_day_proves_nothing(provider, sns, days) -> None:
    sns.pem = certificate(key(), days=days)
    with pytest.raises(Forged):
        heard(provider, sns, DELIVERED)


def test_a_short_key_proves_nothing(provider, sns) -> None:
    sns.pem = certificate(key(1024))
    with pytest.raises(Forged):
        heard(provider, sns, DELIVERED)


@pytest.mark.parametrize("arn", ["mail", "arn:aws:sqs:eu-west-1:123456789012:mail"])
def test_what_is_no_topic_is_found_at_once(arn) -> None:
    with pytest.raises(ValueError, match="is not the ARN of an SNS topic"):
        AmazonSes(alias="ses", region=REGION, topic_arns=arn)


def test_certificates_come_from_the_region_of_the_topic(settings) -> None:
    topic = "arn:aws-cn:sns:cn-north-1:123456789012:mail"
    provider = AmazonSes(alias="ses", region=REGION, topic_arns=topic, from_email="hello@acme.test")
    with Sns() as sns, closing(provider):
        url = f"https://sns.cn-north-1.amazonaws.com{CERTIFICATE}"
        said = sns.envelope("{}", topic=topic, at=NOW, SigningCertURL=url)
        with pytest.raises(Forged, match="not from where SNS keeps them"):
            provider.hear(call(said))


def bounce(type_: str, sub_type: str, status: str = "") -> dict[str, Any]:
    people = [{"emailAddress": "ann@example.com", "status": status}]
    said = {"bounceType": type_, "bounceSubType": sub_type, "bouncedRecipients": people}
    return {"notificationType": "Bounce", "mail": {"messageId": "ses-1"}, "bounce": said}


@pytest.mark.parametrize(
    ("event", "kinds"),
    [
        (bounce("Permanent", "General", "5.1.1"), [EventKind.HARD_BOUNCE]),
        (bounce("Permanent", "NoEmail"), [EventKind.HARD_BOUNCE]),
        (bounce("Permanent", "General", "5.7.1"), [EventKind.SOFT_BOUNCE]),
        (bounce("Permanent", "OnAccountSuppressionList"), [EventKind.REJECTED]),
        (bounce("Transient", "MailboxFull", "5.2.2"), [EventKind.SOFT_BOUNCE]),
        (bounce("Transient", "General", "4.4.7"), [EventKind.SOFT_BOUNCE]),
        (bounce("Transient", "General"), []),
        (bounce("Undetermined", "Undetermined"), [EventKind.SOFT_BOUNCE]),
        ({"eventType": "Complaint", "complaint": {}}, [EventKind.COMPLAINT]),
        ({"eventType": "Complaint", "complaint": {"complaintFeedbackType": "not-spam"}}, []),
        (
            {"eventType": "Complaint", "complaint": {"complaintSubType": "Suppressed"}},
            [EventKind.REJECTED],
        ),
        ({"eventType": "Subscription", "subscription": {"newTopicPreferences": {}}}, []),
        ({"eventType": "Newest"}, []),
        ({}, []),
    ],
)
def test_only_a_mailbox_that_is_not_there_is_dead(provider, sns, event, kinds) -> None:
    assert heard(provider, sns, event) == kinds
