"""Webhooks: what a receiver is given and can prove, and where none is ever posted."""

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from standardwebhooks.webhooks import Webhook as Reader
from standardwebhooks.webhooks import WebhookVerificationError

from delivery.contracts import Action, Content, Message
from delivery.lifecycle import OutcomeKind
from delivery.providers.webhook import Webhook
from notifysite.plumbing import hooksigning, ids
from notifysite.plumbing.http import OutboundClient
from tests.fakes.service import DROP, HANG, Reply
from tests.fakes.webhook_receiver import WebhookReceiver
from tests.plumbing.test_destinations import REFUSED, Dialled, NoDialling, look_up


@pytest.fixture
def receiver(settings) -> Iterator[WebhookReceiver]:
    with WebhookReceiver() as running:
        settings.OUTBOUND_ALLOWED_ORIGINS = [running.origin]
        yield running


@pytest.fixture
def poster(keep) -> Callable[..., Webhook]:
    return lambda **options: keep(Webhook(alias="webhook", **{"threads": 1, **options}))


def one(provider: Webhook, sealed: Message):
    (outcome,) = provider.send([sealed])
    return outcome


def test_the_receiver_reads_what_was_said_and_knows_who_said_it(poster, receiver) -> None:
    sealed = receiver.message(
        content=Content(
            title="Shipped — 已发货",
            text="On its way.",
            url="https://example.com/7",
            image="https://example.com/7.png",
            actions=(Action(label="Track", url="https://example.com/track"),),
        ),
        data={"notification_id": "n-1", "user_id": "ann"},
    )

    outcome = one(poster(), sealed)

    (got,) = receiver.received
    assert (outcome.kind, outcome.code) == (OutcomeKind.DELIVERED, "204")
    assert got.id == str(sealed.reference)
    accepted = ids.moment(sealed.notification)
    assert datetime.fromisoformat(got.payload.pop("timestamp")) == accepted
    assert got.payload == {
        "type": "order_shipped",
        "data": {
            "title": "Shipped — 已发货",
            "body": "On its way.",
            "url": "https://example.com/7",
            "image": "https://example.com/7.png",
            "actions": [{"label": "Track", "url": "https://example.com/track"}],
            "notification_id": "n-1",
            "user_id": "ann",
        },
    }
    (call,) = receiver.taken
    assert call.headers["Content-Type"] == "application/json"


def test_what_happened_later_than_it_was_asked_for_says_when(poster, receiver) -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
    one(poster(), receiver.message(happened_at=at, content=Content()))
    assert receiver.received[0].payload == {
        "type": "order_shipped", "timestamp": "2026-01-02T03:04:05.678Z", "data": {}
    }  # fmt: skip


def test_a_second_try_has_the_same_id_and_body_and_a_time_of_its_own(poster, receiver) -> None:
    provider, sealed = poster(), receiver.message()
    receiver.on_call(Reply(500))
    kinds = [one(provider, sealed).kind for _ in range(3)]

    assert kinds == [OutcomeKind.TRANSIENT, OutcomeKind.DELIVERED, OutcomeKind.DELIVERED]
    assert {call.headers["webhook-id"] for call in receiver.taken} == {str(sealed.reference)}
    assert len({call.body for call in receiver.taken}) == 1
    assert (len(receiver.received), receiver.copies) == (1, 1)


def test_while_a_secret_is_replaced_both_of_them_prove_it(poster, receiver) -> None:
    new, old = hooksigning.new_secret(), receiver.secrets[0]
    one(poster(), receiver.message(secrets=(new, old)))

    (call,) = receiver.taken
    headers = dict(call.headers.items())
    assert Reader(new).verify(call.body, headers) == Reader(old).verify(call.body, headers)
    with pytest.raises(WebhookVerificationError):
        Reader(hooksigning.new_secret()).verify(call.body, headers)


@pytest.mark.parametrize("what", ["body", "webhook-id", "webhook-timestamp", "webhook-signature"])
def test_one_bit_that_is_changed_on_the_way_is_found_out(poster, receiver, what) -> None:
    one(poster(), receiver.message())
    (call,) = receiver.taken
    said = {"body": call.body.decode(), **call.headers}
    one_of_them = said[what][-3]  # behind it may be padding, and bits that nobody reads
    said[what] = said[what][:-3] + chr(ord(one_of_them) ^ 1) + said[what][-2:]
    body = said.pop("body")

    assert receiver.verified(replace(call, headers=said, body=body.encode())) is None


def test_we_sign_as_the_published_vector_has_it() -> None:
    # The test vector of the libraries at github.com/standard-webhooks/standard-webhooks.
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    id_, at, body = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    assert (
        hooksigning.signed([secret], id_, at, body)
        == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


def test_a_secret_is_long_and_none_is_like_another() -> None:
    made = {hooksigning.new_secret() for _ in range(50)}
    assert len(made) == 50
    assert {len(base64.b64decode(one.removeprefix("whsec_"))) for one in made} == {32}


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_c2hvcnQ=", "whsec_?", "whsec_" + "A" * 96])
def test_what_is_no_secret_signs_nothing(secret) -> None:
    with pytest.raises(ValueError, match="24 to 64 bytes"):
        hooksigning.signed([secret], "id", 0, b"")


def test_what_could_not_be_told_from_a_forgery_is_not_sent(poster, receiver) -> None:
    outcome = one(poster(), receiver.message(secrets=()))
    assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED_MESSAGE, "no_secret")
    assert receiver.connections == 0


@pytest.mark.parametrize("status", [301, 307, 400, 401, 403, 404, 408, 413, 429, 500, 502, 503])
def test_all_but_taken_and_gone_is_tried_again(poster, receiver, status) -> None:
    headers = {"Location": f"{receiver.origin}/elsewhere"}
    receiver.on_call(Reply(status, headers=headers))
    assert one(poster(), receiver.message()).kind is OutcomeKind.TRANSIENT
    assert [call.path for call in receiver.taken] == ["/hook"]


def test_a_receiver_that_does_not_answer_in_time_may_have_taken_it(poster, receiver) -> None:
    receiver.on_call(HANG)
    outcome = one(poster(timeout=0.3), receiver.message())
    assert (outcome.kind, outcome.code) == (OutcomeKind.UNKNOWN, "no_answer")
    receiver.on_call(DROP)
    assert one(poster(), receiver.message()).kind is OutcomeKind.UNKNOWN


@pytest.mark.parametrize("url", REFUSED)
def test_no_url_leads_inside(poster, receiver, url) -> None:
    client = OutboundClient(resolver=look_up, dialer=NoDialling())
    outcome = one(poster(client=client), replace(receiver.message(), address=url))
    assert outcome.kind in (OutcomeKind.REFUSED_ADDRESS, OutcomeKind.TRANSIENT)
    assert outcome.code in ("unsafe_endpoint", "private_network")


def test_a_name_that_leads_inside_only_when_it_is_used_is_found_out(poster, receiver) -> None:
    answers = [["93.184.216.34"], ["127.0.0.1"]]
    client = OutboundClient(resolver=lambda host, port: answers.pop(0), dialer=NoDialling())
    client.check_url("https://rebinding.example/")

    sealed = replace(receiver.message(), address="https://rebinding.example/")
    outcome = one(poster(client=client), sealed)

    assert (outcome.kind, outcome.code) == (OutcomeKind.TRANSIENT, "private_network")


def test_plain_http_is_for_installations_that_ask_for_it(poster, receiver) -> None:
    receiver_s = replace(receiver.message(), address="http://example.com/hook")
    assert one(poster(), receiver_s).code == "unsafe_endpoint"

    schemes = ("https", "http")
    client = OutboundClient(schemes=schemes, resolver=look_up, dialer=NoDialling())
    outcome = one(poster(schemes=schemes, client=client), receiver_s)
    assert outcome.code == Dialled.__name__  # it would have been dialled

    with pytest.raises(ValueError, match="schemes must be https"):
        poster(schemes=("ftp",))


def test_the_body_has_no_blanks_and_is_what_was_signed(poster, receiver) -> None:
    one(poster(), receiver.message())
    (call,) = receiver.taken
    said = json.loads(call.body)
    assert call.body == json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()
