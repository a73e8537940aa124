"""Twilio: what it is given, what its answers mean, what it tells and passes on."""

import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from delivery.contracts import Call, Heard, Said
from delivery.errors import Forged, Malformed, Unsecured
from delivery.lifecycle import EventKind, OutcomeKind
from delivery.providers.twilio import Twilio
from delivery.providers.twilio.signing import signature
from notifysite.plumbing.ids import uuid7
from tests.delivery.providers.messages import one, sms
from tests.fakes import twilio
from tests.fakes.service import Reply
from tests.fakes.twilio import ACCOUNT, MESSAGING_SERVICE, NUMBER, TOKEN, TwilioApi

HOOK = "https://notify.example.com/hooks/twilio/"
Make = Callable[..., Twilio]


@pytest.fixture
def service(settings: Any) -> Iterator[TwilioApi]:
    with TwilioApi() as api:
        settings.OUTBOUND_ALLOWED_ORIGINS = [api.origin]
        settings.PUBLIC_URL = "https://notify.example.com"
        yield api


@pytest.fixture
def made(service: TwilioApi, keep: Any) -> Make:
    def make(**options: Any) -> Twilio:
        given = {"account_sid": ACCOUNT, "auth_token": TOKEN, "sender": NUMBER} | options
        return keep(Twilio(alias="twilio", url=service.origin, threads=1, **given))

    return make


def test_it_is_given_the_message_and_where_to_call_back(made: Make, service: TwilioApi) -> None:
    sealed = sms(expires_at=datetime.now(UTC) + timedelta(minutes=10))

    outcome = one(made(), sealed)

    (kept,) = service.kept
    assert (outcome.kind, outcome.code, outcome.provider_ref) == (
        OutcomeKind.ACCEPTED, "201", kept.sid,
    )  # fmt: skip
    left = int(kept.form["ValidityPeriod"])
    assert 590 <= left <= 600
    assert kept.form == {
        "To": "+491701234567",
        "From": NUMBER,
        "Body": "Hello Ann,\nyour order is on its way.\n",
        "ValidityPeriod": str(left),
        "StatusCallback": f"{HOOK}?ref={sealed.reference}",
    }


def test_without_an_address_on_the_internet_no_receipts_are_asked_for(
    made: Make, service: TwilioApi, settings: Any
) -> None:
    provider = made()
    assert provider.reports
    settings.PUBLIC_URL = "http://127.0.0.1:8000"
    assert not provider.reports
    one(provider, sms())
    assert "StatusCallback" not in service.kept[0].form


@pytest.mark.parametrize(
    ("to", "field", "sender"),
    [
        ("+491701234567", "From", "Acme"),
        ("+14155550100", "MessagingServiceSid", MESSAGING_SERVICE),
        ("+447700900123", "From", NUMBER),
    ],
)
def test_the_sender_goes_by_the_country(
    made: Make, service: TwilioApi, to: str, field: str, sender: str
) -> None:
    one(made(senders=f"+49=Acme,+1={MESSAGING_SERVICE}"), sms(to))
    assert service.kept[0].form[field] == sender


def test_without_a_sender_for_a_country_nothing_is_sent(made: Make, service: TwilioApi) -> None:
    outcome = one(made(sender="", senders="+1=Acme"), sms())
    assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED_MESSAGE, "no_sender")
    assert service.taken == []


def test_a_messaging_service_is_a_sender(made: Make, service: TwilioApi) -> None:
    assert one(made(sender="", messaging_service=MESSAGING_SERVICE), sms()).kind == 1
    assert service.kept[0].form["MessagingServiceSid"] == MESSAGING_SERVICE


def test_an_api_key_logs_in_where_there_is_one(made: Make, settings: Any) -> None:
    with TwilioApi(login=("SK17", "secret")) as api:
        settings.OUTBOUND_ALLOWED_ORIGINS = [api.origin]
        provider = Twilio(
            alias="twilio", account_sid=ACCOUNT, auth_token=TOKEN, sender=NUMBER, threads=1,
            url=api.origin, api_key="SK17", api_secret="secret",
        )  # fmt: skip
        assert one(provider, sms()).kind is OutcomeKind.ACCEPTED
        provider.close()


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"account_sid": "17"}, "account_sid must be AC"),
        ({"api_key": "SK17"}, "go together"),
        ({"sender": ""}, "nobody is named"),
        ({"sender": "Acme & Daughters"}, "is no sender"),
        ({"answers": "some"}, "answers must be one of rest, all, none"),
        ({"classes": {"21610": "fine"}}, "must be one of"),
    ],
)
def test_what_is_wrong_with_its_options_is_told(made: Make, options: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        made(**options)


def test_who_replied_stop_to_twilio_opted_out(made: Make, service: TwilioApi) -> None:
    service.opted_out.add("+491701234567")
    outcome = one(made(), sms())
    assert (outcome.kind, outcome.code, outcome.detail) == (
        OutcomeKind.OPTED_OUT,
        "21610",
        "See twilio.com/docs/api/errors/21610.",
    )


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (429, 20429, OutcomeKind.TRANSIENT),
        (400, 21211, OutcomeKind.REFUSED_ADDRESS),
        (400, 21614, OutcomeKind.REFUSED_ADDRESS),
        (400, 21611, OutcomeKind.TRANSIENT),
        (400, 21704, OutcomeKind.ACCOUNT),
        (400, 30003, OutcomeKind.TRANSIENT),
        (400, 30005, OutcomeKind.REFUSED_ADDRESS),
        (400, 30006, OutcomeKind.REFUSED_ADDRESS),
        (400, 30007, OutcomeKind.REFUSED_MESSAGE),
        (400, 30008, OutcomeKind.TRANSIENT),
        (400, 30022, OutcomeKind.TRANSIENT),
        (401, 20003, OutcomeKind.ACCOUNT),
        (400, 30002, OutcomeKind.ACCOUNT),
        (400, 30034, OutcomeKind.ACCOUNT),
        (404, 20404, OutcomeKind.ACCOUNT),
        (400, 99999, OutcomeKind.REFUSED_MESSAGE),  # by the status
        (503, 99999, OutcomeKind.TRANSIENT),
        (201, 99999, OutcomeKind.UNKNOWN),  # taken, it seems, and no SID to know it by
    ],
)
def test_a_code_says_what_to_do(
    made: Make, service: TwilioApi, status: int, code: int, kind: OutcomeKind
) -> None:
    service.on_call(twilio.error(status, code, "no"))
    assert one(made(), sms()).kind is kind


def test_an_error_page_is_judged_by_its_status(made: Make, service: TwilioApi) -> None:
    service.on_call(Reply(502, b"<html>Bad gateway</html>"))
    outcome = one(made(), sms())
    assert (outcome.kind, outcome.code) == (OutcomeKind.TRANSIENT, "502")


def heard(provider: Twilio, posted: twilio.Posted, url: str = "") -> Heard:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    full = url or HOOK + (f"?{posted.query}" if posted.query else "")
    return provider.hear(Call(url=full, headers=posted.headers, body=posted.body, at=at))


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        ("accepted", "", EventKind.SENT),
        ("queued", "", EventKind.SENT),
        ("sending", "", EventKind.SENT),
        ("sent", "", EventKind.SENT),
        ("delivered", "", EventKind.DELIVERED),
        ("undelivered", "", EventKind.SOFT_BOUNCE),
        ("undelivered", "30003", EventKind.SOFT_BOUNCE),
        ("undelivered", "30005", EventKind.HARD_BOUNCE),
        ("undelivered", "30006", EventKind.HARD_BOUNCE),
        ("undelivered", "30007", EventKind.REJECTED),
        ("undelivered", "30008", EventKind.SOFT_BOUNCE),
        ("undelivered", "30034", EventKind.REJECTED),
        ("failed", "30036", EventKind.SOFT_BOUNCE),
        ("undelivered", "39999", EventKind.SOFT_BOUNCE),
        ("failed", "", EventKind.REJECTED),
        ("failed", "21610", EventKind.OPTED_OUT),
        ("failed", "39999", EventKind.REJECTED),
        ("canceled", "", EventKind.REJECTED),
    ],
)
def test_a_receipt_names_delivery_and_message(
    made: Make, status: str, code: str, kind: EventKind
) -> None:
    reference = uuid7()
    posted = twilio.receipt(f"{HOOK}?ref={reference}", "SM17", status, code=code)

    (report,) = heard(made(), posted).reports

    assert (report.kind, report.reference, report.provider_ref, report.event_key) == (
        kind, reference, "SM17", f"SM17:{kind.name}",
    )  # fmt: skip
    assert report.code == (code or status)


def test_an_installation_may_say_otherwise_what_a_code_means(made: Make) -> None:
    provider = made(classes={"30003": "refused_address"})
    posted = twilio.receipt(HOOK, "SM17", "undelivered", code="30003")
    assert heard(provider, posted).reports[0].kind is EventKind.HARD_BOUNCE


@pytest.mark.parametrize("ref", ["", "?ref=nonsense", "?other=1"])
def test_a_receipt_without_a_reference_of_ours_still_names_the_message(
    made: Make, ref: str
) -> None:
    (report,) = heard(made(), twilio.receipt(HOOK + ref, "SM17", "sent")).reports
    assert (report.reference, report.provider_ref) == (None, "SM17")


def test_a_status_nobody_knows_yet_says_nothing(made: Make) -> None:
    assert heard(made(), twilio.receipt(HOOK, "SM17", "teleported")).reports == []


def test_a_receipt_about_no_message_cannot_be_read(made: Make) -> None:
    with pytest.raises(Malformed):
        heard(made(), twilio.signed(HOOK, {"MessageStatus": "sent"}))


def test_the_signature_is_that_of_its_documentation() -> None:
    form = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675309",
        "Digits": "1234",
        "From": "+14158675309",
        "To": "+18005551212",
    }
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert signature("12345", url, [*form.items()]) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


def test_twilio_may_name_the_port_or_not(made: Make) -> None:
    posted = twilio.signed(HOOK.replace(".com/", ".com:443/"), {"MessageSid": "SM1", "Body": "hi"})
    assert len(heard(made(), posted).said) == 1
    posted = twilio.signed(HOOK, {"MessageSid": "SM1", "Body": "hi"})
    assert len(heard(made(), posted, url=HOOK.replace(".com/", ".com:8443/")).said) == 1


def json_call(body: bytes, *, digest: str = "") -> twilio.Posted:
    query = f"bodySHA256={digest or hashlib.sha256(body).hexdigest()}"
    signed = twilio.signature(TOKEN, f"{HOOK}?{query}", {})
    return twilio.Posted(body, {"X-Twilio-Signature": signed}, query, "application/json")


def test_of_json_the_url_bears_the_hash(made: Make) -> None:
    body = json.dumps({"MessageSid": "SM17", "MessageStatus": "delivered"}).encode()
    assert heard(made(), json_call(body)).reports[0].kind is EventKind.DELIVERED


def test_json_with_another_hash_is_forged(made: Make) -> None:
    with pytest.raises(Forged):
        heard(made(), json_call(b"{}", digest="0" * 64))


@pytest.mark.parametrize("token", ["", "another-token"])
def test_nobody_else_is_believed(made: Make, token: str) -> None:
    posted = twilio.signed(HOOK, {"MessageSid": "SM17", "MessageStatus": "sent"}, token="x" * 32)
    with pytest.raises(Forged if token else Unsecured):
        heard(made(auth_token=token), posted)


def said(provider: Twilio, body: str, **form: str) -> Said:
    fields = {"MessageSid": "SM17", "From": "+491701234567", "To": NUMBER, "Body": body} | form
    (found,) = heard(provider, twilio.signed(HOOK, fields)).said
    return found


@pytest.mark.parametrize(
    ("answers", "body", "answered"),
    [
        ("rest", "STOP", True),
        ("rest", " stop ", True),
        ("rest", "Stop please", False),
        ("rest", "STOPP", False),
        ("all", "STOP", False),
        ("none", "STOPP", True),
    ],
)
def test_what_twilio_answers_itself_is_not_answered_twice(
    made: Make, answers: str, body: str, answered: bool
) -> None:
    assert said(made(answers=answers), body).answered is answered


def test_words_that_twilio_was_taught_are_its_own(made: Make) -> None:
    found = said(made(), "basta", OptOutType="STOP")
    assert (found.text, found.answered) == ("STOP", True)


def test_who_writes_by_rcs_has_the_same_number(made: Make) -> None:
    assert said(made(), "hi", From="rcs:+491701234567").address == "+491701234567"


def test_an_answer_is_text_whatever_is_in_it(made: Make) -> None:
    provider = made()
    answer = provider.reply(said(provider, "HELP"), "Fish & <chips>")
    assert answer.content_type == "text/xml"
    assert answer.body == ("<Response><Message>Fish &amp; &lt;chips&gt;</Message></Response>")
