"""Vonage: what it is given, what its answers mean, what it tells and passes on."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from delivery.contracts import Answer, Call, Heard, Said
from delivery.errors import Forged, Malformed, Stale, Unsecured
from delivery.lifecycle import EventKind, OutcomeKind
from delivery.providers.vonage import Vonage
from delivery.providers.vonage.signing import Tokens
from notifysite.plumbing.ids import uuid7
from tests.delivery.providers.messages import one, saying, sms
from tests.fakes import vonage
from tests.fakes.service import DROP, Reply
from tests.fakes.vonage import APPLICATION, PRIVATE_KEY, PUBLIC_KEY, SECRET, VonageApi

Make = Callable[..., Vonage]


@pytest.fixture
def service(settings: Any) -> Iterator[VonageApi]:
    with VonageApi() as api:
        settings.OUTBOUND_ALLOWED_ORIGINS = [api.origin]
        settings.PUBLIC_URL = "https://notify.example.com"
        yield api


@pytest.fixture
def made(service: VonageApi, keep: Any) -> Make:
    def make(**options: Any) -> Vonage:
        given = {
            "application_id": APPLICATION,
            "private_key": PRIVATE_KEY,
            "signature_secret": SECRET,
            "sender": "Acme",
        } | options
        return keep(Vonage(alias="vonage", url=service.origin, threads=1, **given))

    return make


def test_it_is_given_the_message_and_where_to_call_back(made: Make, service: VonageApi) -> None:
    sealed = sms(expires_at=datetime.now(UTC) + timedelta(minutes=10))

    outcome = one(made(), sealed)

    (kept,) = service.kept
    assert (outcome.kind, outcome.code, outcome.provider_ref) == (
        OutcomeKind.ACCEPTED, "202", kept.uuid,
    )  # fmt: skip
    assert 590 <= kept.letter["ttl"] <= 600
    assert kept.letter == {
        "channel": "sms",
        "message_type": "text",
        "to": "491701234567",
        "from": "Acme",
        "text": "Hello Ann,\nyour order is on its way.\n",
        "client_ref": str(sealed.reference),
        "ttl": kept.letter["ttl"],
        "webhook_url": "https://notify.example.com/hooks/vonage/",
        "webhook_version": "v1",
    }


def test_what_expires_sooner_than_vonage_can_count_is_given_the_least(
    made: Make, service: VonageApi
) -> None:
    one(made(), sms(expires_at=datetime.now(UTC) + timedelta(seconds=5)))
    assert service.kept[0].letter["ttl"] == 20


def test_receipts_come_where_vonage_can_call_and_is_known(made: Make, settings: Any) -> None:
    assert made().reports
    assert not made(signature_secret="").reports
    settings.PUBLIC_URL = "http://127.0.0.1:8000"
    assert not made().reports


def test_the_sender_goes_by_the_country(made: Make, service: VonageApi) -> None:
    provider = made(senders="+1=+15005550006")
    one(provider, sms())
    one(provider, sms("+14155550100"))
    assert [kept.letter["from"] for kept in service.kept] == ["Acme", "15005550006"]


def test_what_is_longer_than_vonage_takes_is_not_handed_over(
    made: Make, service: VonageApi
) -> None:
    outcome = one(made(), saying("+491701234567", text="a" * 3201))
    assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED_MESSAGE, "too_large")
    assert service.taken == []


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"private_key": "secret"}, "private_key must be the application's RSA key"),
        ({"sender": ""}, "nobody is named"),
        ({"answers": "rest"}, "answers must be one of all, none"),
    ],
)
def test_what_is_wrong_with_its_options_is_told(made: Make, options: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        made(**options)


def test_a_key_may_be_written_in_one_line(made: Make) -> None:
    assert one(made(private_key=PRIVATE_KEY.replace("\n", "\\n")), sms()).kind == 1


def test_a_token_is_signed_once_for_many_messages(made: Make, service: VonageApi) -> None:
    provider = made()
    for _ in range(3):
        one(provider, sms())
    assert len({call.headers["Authorization"] for call in service.taken}) == 1


def test_a_token_is_replaced_before_it_ends(time_machine: Any) -> None:
    tokens = Tokens(APPLICATION, PRIVATE_KEY)
    time_machine.move_to(datetime(2026, 1, 1, tzinfo=UTC), tick=False)
    first = tokens.current()
    time_machine.move_to(datetime(2026, 1, 1, 0, 9, tzinfo=UTC), tick=False)
    assert tokens.current() == first
    time_machine.move_to(datetime(2026, 1, 1, 0, 11, tzinfo=UTC), tick=False)
    second = tokens.current()
    claims = jwt.decode(second, PUBLIC_KEY, algorithms=["RS256"])
    assert (second != first, claims["exp"] - claims["iat"]) == (True, 900)


@pytest.mark.parametrize(
    ("status", "kind", "outcome"),
    [
        (429, "/messages#1000", OutcomeKind.TRANSIENT),
        (422, "/messages#1110", OutcomeKind.REFUSED_MESSAGE),
        (401, "/messages#1110", OutcomeKind.ACCOUNT),
        (422, "/messages#1120", OutcomeKind.REFUSED_MESSAGE),
        (422, "/messages#1170", OutcomeKind.REFUSED_ADDRESS),
        (422, "/messages#1190", OutcomeKind.REFUSED_ADDRESS),
        (422, "/messages#1240", OutcomeKind.OPTED_OUT),
        (422, "/messages#1999", OutcomeKind.REFUSED_MESSAGE),
        (402, "#low-balance", OutcomeKind.ACCOUNT),
        (401, "#unauthorized", OutcomeKind.ACCOUNT),
        (404, "#not-found", OutcomeKind.ACCOUNT),
        (500, "/messages#1030", OutcomeKind.TRANSIENT),
        (503, "#whatever", OutcomeKind.TRANSIENT),
        (422, "#whatever", OutcomeKind.REFUSED_MESSAGE),
    ],
)
def test_an_error_says_what_to_do(
    made: Make, service: VonageApi, status: int, kind: str, outcome: OutcomeKind
) -> None:
    service.on_call(vonage.problem(status, kind, "no"))
    answer = one(made(), sms())
    assert (answer.kind, answer.code, answer.detail) == (outcome, kind.partition("#")[2], "")


def test_taken_without_an_id_may_have_been_taken(made: Make, service: VonageApi) -> None:
    service.on_call(Reply(202, {}))
    assert one(made(), sms()).kind is OutcomeKind.UNKNOWN


def heard(provider: Vonage, posted: vonage.Posted, at: datetime | None = None) -> Heard:
    return provider.hear(
        Call(
            url="https://notify.example.com/hooks/vonage/",
            headers=posted.headers,
            body=posted.body,
            at=at or datetime.now(UTC),
        )
    )


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        ("submitted", "", EventKind.SENT),
        ("delivered", "", EventKind.DELIVERED),
        ("read", "", EventKind.DELIVERED),
        ("undeliverable", "", EventKind.SOFT_BOUNCE),
        ("undeliverable", "1100", EventKind.SOFT_BOUNCE),
        ("rejected", "", EventKind.REJECTED),
        ("rejected", "1180", EventKind.SOFT_BOUNCE),
        ("rejected", "1190", EventKind.HARD_BOUNCE),
        ("rejected", "1210", EventKind.REJECTED),
        ("rejected", "1240", EventKind.OPTED_OUT),
        ("rejected", "1330", EventKind.SOFT_BOUNCE),
        ("rejected", "1360", EventKind.SOFT_BOUNCE),
        ("rejected", "7777", EventKind.REJECTED),
    ],
)
def test_a_receipt_names_delivery_and_message(
    made: Make, status: str, code: str, kind: EventKind
) -> None:
    reference = uuid7()
    posted = vonage.receipt("u17", status, reference=str(reference), code=code)

    (report,) = heard(made(), posted).reports

    assert (report.kind, report.reference, report.provider_ref, report.event_key) == (
        kind, reference, "u17", f"u17:{kind.name}",
    )  # fmt: skip
    assert report.at == datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert (report.code, report.detail) == (code or status, "")


@pytest.mark.parametrize(
    "body",
    [
        b'{"status": "delivered"}',
        b'{"status": "delivered", "message_uuid": "u1"}',
        b'{"status": "delivered", "message_uuid": "u1", "timestamp": "soon"}',
        b'{"status": "delivered", "message_uuid": "u1", "timestamp": "2026-01-01T12:00:00"}',
    ],
)
def test_what_does_not_say_which_or_when_cannot_be_read(made: Make, body: bytes) -> None:
    with pytest.raises(Malformed):
        heard(made(), vonage.signed(body))


def test_a_status_nobody_knows_yet_says_nothing(made: Make) -> None:
    assert heard(made(), vonage.receipt("u17", "teleported")).reports == []


BODY = vonage.receipt("u17", "delivered").body


def unsigned() -> vonage.Posted:
    return vonage.Posted(BODY, {})


def by_another_algorithm() -> vonage.Posted:
    claims = jwt.decode(
        vonage.signed(BODY).headers["Authorization"][7:], options={"verify_signature": False}
    )
    return vonage.Posted(BODY, {"Authorization": f"Bearer {jwt.encode(claims, None, 'none')}"})


FORGED = {
    "unsigned": unsigned,
    "another secret": lambda: vonage.signed(BODY, secret="x" * 40),
    "no algorithm": by_another_algorithm,
    "another body": lambda: vonage.Posted(BODY + b" ", vonage.signed(BODY).headers),
    "another application": lambda: vonage.signed(BODY, application_id="bbbb"),
    "another hash": lambda: vonage.signed(BODY, payload_hash="0" * 64),
    "an odd time": lambda: vonage.signed(BODY, iat="now"),
    "a time that never comes": lambda: vonage.signed(BODY, iat=10**18),
    "noise": lambda: vonage.Posted(BODY, {"Authorization": "Bearer a.b.c"}),
    "another scheme": lambda: vonage.Posted(BODY, {"Authorization": "Basic YTpi"}),
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_nobody_else_is_believed(made: Make, forged: Callable[[], vonage.Posted]) -> None:
    with pytest.raises(Forged):
        heard(made(), forged())


def test_without_a_secret_nobody_is_believed(made: Make) -> None:
    with pytest.raises(Unsecured):
        heard(made(signature_secret=""), vonage.signed(BODY))


@pytest.mark.parametrize("minutes", [-6, 6])
def test_what_was_signed_at_another_time_is_stale(made: Make, minutes: int) -> None:
    at = datetime.now(UTC) + timedelta(minutes=minutes)
    with pytest.raises(Stale):
        heard(made(), vonage.signed(BODY, at=at))


def said(provider: Vonage, text: str = "STOP") -> Said:
    (found,) = heard(provider, vonage.signed(vonage.inbound(text, uuid="u1"))).said
    return found


def test_what_people_write_is_passed_on(made: Make) -> None:
    found = said(made(), "STOP")
    assert (found.address, found.number, found.text, found.event_key, found.answered) == (
        "+491701234567", "15005550006", "STOP", "u1", False,
    )  # fmt: skip
    assert said(made(answers="none")).answered


def test_an_answer_is_sent_from_the_number_that_was_written_to(
    made: Make, service: VonageApi
) -> None:
    provider = made()
    assert provider.reply(said(provider), "Acme: bye") == Answer()
    assert service.kept[0].letter == {
        "channel": "sms",
        "message_type": "text",
        "to": "491701234567",
        "from": "15005550006",
        "text": "Acme: bye",
    }


@pytest.mark.parametrize("answer", [DROP, vonage.problem(422, "/messages#1240", "no")])
def test_an_answer_that_cannot_be_sent_is_let_go(
    made: Make, service: VonageApi, answer: Any
) -> None:
    provider = made()
    service.on_call(answer)
    assert provider.reply(said(provider), "Acme: bye") == Answer()
    assert len(service.taken) == 1
