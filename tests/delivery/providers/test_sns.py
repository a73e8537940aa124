"""Amazon SNS: what it is given of an SMS, and what its answers mean."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from delivery.channels import SMS
from delivery.lifecycle import OutcomeKind
from delivery.providers.sns import Sns
from tests.delivery.providers.messages import one, saying, sms
from tests.fakes.aws import KEY_ID, REGION, SECRET_KEY
from tests.fakes.service import Reply
from tests.fakes.sns_sms import SnsApi, no, yes

PHONE = "+491701234567"


@pytest.fixture
def service(settings) -> Iterator[SnsApi]:
    with SnsApi() as running:
        settings.OUTBOUND_ALLOWED_ORIGINS = [running.origin]
        yield running


@pytest.fixture
def sender(service, keep) -> Callable[..., Sns]:
    def make(**options: object) -> Sns:
        keys = {"access_key_id": KEY_ID, "secret_access_key": SECRET_KEY}
        given = {"region": REGION, "url": service.origin, "threads": 1, **keys, **options}
        return keep(Sns(alias="sns", **given))

    return make


TYPE = "AWS.SNS.SMS.SMSType"
SENDER_ID, NUMBER = "AWS.SNS.SMS.SenderID", "AWS.MM.SMS.OriginationNumber"


@pytest.mark.parametrize(
    ("options", "phone", "marketing", "attributes"),
    [
        ({}, PHONE, False, {TYPE: "Transactional"}),
        ({"sender": "Acme"}, PHONE, True, {TYPE: "Promotional", SENDER_ID: "Acme"}),
        (
            {"sender": "Acme", "senders": "+1=+15005550006"},
            "+14155550100",
            False,
            {TYPE: "Transactional", NUMBER: "+15005550006"},
        ),
        ({"senders": "+1=12345"}, "+14155550100", False, {TYPE: "Transactional", NUMBER: "12345"}),
        ({"senders": "+1=12345"}, PHONE, False, {TYPE: "Transactional"}),
    ],
)
def test_it_is_told_the_kind_and_who_it_is_from(
    sender, service, options, phone, marketing, attributes
) -> None:
    text = "Ihr Code: 4711 — не сообщайте & никому 🔑"
    sealed = saying(phone, text=text)
    sealed = replace(sealed, channel=SMS.number, marketing=marketing)
    outcome = one(sender(**options), sealed)
    (kept,) = service.kept
    assert (kept.number, kept.text, kept.attributes) == (phone, text, attributes)
    assert (outcome.kind, outcome.code) == (OutcomeKind.ACCEPTED, "200")
    assert outcome.provider_ref == kept.id


@pytest.mark.parametrize(
    ("reply", "kind", "code"),
    [
        (no(429, "Throttled", "Rate exceeded"), OutcomeKind.TRANSIENT, "Throttled"),
        (no(400, "ThrottlingException", "Rate"), OutcomeKind.TRANSIENT, "ThrottlingException"),
        (no(500, "InternalError", "Oh"), OutcomeKind.TRANSIENT, "InternalError"),
        (no(503, "ServiceUnavailable", "Oh"), OutcomeKind.TRANSIENT, "ServiceUnavailable"),
        (no(400, "InvalidParameter", "Message"), OutcomeKind.REFUSED_MESSAGE, "InvalidParameter"),
        (no(400, "OptedOut", f"{PHONE} opted out"), OutcomeKind.OPTED_OUT, "OptedOut"),
        (no(400, "RequestExpired", "Old"), OutcomeKind.ACCOUNT, "RequestExpired"),
        (no(403, "InvalidClientTokenId", "Who?"), OutcomeKind.ACCOUNT, "InvalidClientTokenId"),
        (no(404, "NotFound", "Where?"), OutcomeKind.ACCOUNT, "NotFound"),
        (Reply(502, b"<html>"), OutcomeKind.TRANSIENT, "502"),
        (yes("not an id!"), OutcomeKind.UNKNOWN, "200"),
    ],
)
def test_the_answer_says_what_to_do_next(sender, service, reply, kind, code) -> None:
    service.on_call(reply)
    outcome = one(sender(), sms())
    assert (outcome.kind, outcome.code, outcome.provider_ref) == (kind, code, "")
    assert len(service.taken) == 1


def test_a_number_that_is_none_fails_its_message_and_is_not_given_up(sender, service) -> None:
    outcome = one(sender(), sms("+4917"))
    assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED_MESSAGE, "InvalidParameter")


def test_another_s_key_is_the_account_s_fault(sender, service) -> None:
    outcome = one(sender(secret_access_key="stolen"), sms())
    assert (outcome.kind, outcome.code) == (OutcomeKind.ACCOUNT, "SignatureDoesNotMatch")


def test_without_keys_the_machine_s_credentials_are_used(
    sender, service, monkeypatch, tmp_path
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / name))
    provider = sender(access_key_id="", secret_access_key="")
    outcome = one(provider, sms())
    assert (outcome.kind, outcome.code) == (OutcomeKind.ACCOUNT, "no_credentials")
    (tmp_path / "AWS_SHARED_CREDENTIALS_FILE").write_text(
        f"[default]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRET_KEY}\n"
    )
    assert one(provider, sms()).kind is OutcomeKind.ACCEPTED


@pytest.mark.parametrize(
    ("region", "url"),
    [
        ("eu-central-1", "https://sns.eu-central-1.amazonaws.com/"),
        ("us-gov-west-1", "https://sns.us-gov-west-1.amazonaws.com/"),
        ("cn-north-1", "https://sns.cn-north-1.amazonaws.com.cn/"),
    ],
)
def test_a_region_says_where_it_is(sender, region, url) -> None:
    assert sender(region=region, url="")._url == url


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"region": "evil.test/"}, "is none such as"),
        ({"secret_access_key": ""}, "go together"),
        ({"sender": "Acme & Daughters"}, "is no sender"),
        ({"senders": "49=Acme"}, "is no prefix such as"),
    ],
)
def test_what_cannot_work_is_told_when_it_is_built(sender, options, why) -> None:
    with pytest.raises(ValueError, match=why):
        sender(**options)
