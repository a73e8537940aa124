"""APNs: what Apple is given, and what its answers mean."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import jwt
import pytest

from delivery.contracts import Action, Content, Message
from delivery.lifecycle import OutcomeKind
from delivery.providers.apns import Apns
from delivery.providers.apns.login import Login
from tests.delivery.providers.messages import message, one, saying, to
from tests.fakes import apns_service
from tests.fakes.apns_service import KEY_ID, TEAM_ID, TOPIC, ApnsService, refusal
from tests.fakes.http2_service import CUT, REFUSE, Goodbye
from tests.fakes.service import DROP, HANG, Reply

DAY = 86400


@pytest.fixture
def service(settings) -> Iterator[ApnsService]:
    with ApnsService() as running:
        settings.OUTBOUND_ALLOWED_ORIGINS = [running.origin]
        yield running


@pytest.fixture
def sender(service, keep) -> Callable[..., Apns]:
    given = {**service.options, "timeout": 30}
    return lambda **options: keep(Apns(alias="apns", **given | options))


def kinds(provider: Apns, messages: list[Message]) -> list[OutcomeKind]:
    found = {each.reference: each.kind for each in provider.send(messages)}
    return [found[each.reference] for each in messages]


def test_the_device_shows_what_was_said(sender, service) -> None:
    device = service.device()
    sealed = to(
        device,
        saying(
            title="Shipped — 已发货",
            text="It is on its way.",
            url="https://example.com/orders/7",
            image="https://example.com/parcel.png",
            actions=(Action(label="Track", url="https://example.com/track/7"),),
        ),
        data={"order": 7, "aps": "ours"},
    )
    outcome = one(sender(), sealed)
    (sent,) = service.sent
    assert sent.payload == {
        "aps": {
            "alert": {"title": "Shipped — 已发货", "body": "It is on its way."},
            "sound": "default",
            "category": "order_shipped",
            "thread-id": "orders",
            "mutable-content": 1,
        },
        "url": "https://example.com/orders/7",
        "image": "https://example.com/parcel.png",
        "actions": [{"title": "Track", "url": "https://example.com/track/7"}],
        "reference": str(sealed.reference),
        "notification_id": str(sealed.notification),
        "type": "order_shipped",
        "locale": "en",
        "order": 7,
    }
    reference = str(sealed.reference)
    assert {name: value for name, value in sent.headers.items() if name.startswith("apns-")} == {
        "apns-id": reference,
        "apns-topic": TOPIC,
        "apns-push-type": "alert",
        "apns-priority": "10",
        "apns-collapse-id": reference,
        "apns-expiration": sent.headers["apns-expiration"],
    }
    assert abs(int(sent.headers["apns-expiration"]) - time.time() - 28 * DAY) < 600
    assert (outcome.kind, outcome.code) == (OutcomeKind.ACCEPTED, "200")
    assert outcome.provider_ref == reference.upper()


@pytest.mark.parametrize(
    ("changes", "priority"),
    [({"priority": 1}, "10"), ({"priority": 3}, "10"), ({"priority": 4}, "5"),
     ({"priority": 1, "silent": True}, "5")],
)  # fmt: skip
def test_what_can_wait_does_not_wake_the_device(sender, service, changes, priority) -> None:
    one(sender(), to(service.device(), **changes))
    (sent,) = service.sent
    assert sent.headers["apns-priority"] == priority
    assert ("sound" in sent.payload["aps"]) is ("silent" not in changes)


@pytest.mark.parametrize("badge", [None, 0, 3])
def test_the_icon_has_a_number_where_there_is_one(sender, service, badge) -> None:
    one(sender(), to(service.device(), badge=badge))
    (sent,) = service.sent
    assert sent.payload["aps"].get("badge") == badge


def test_without_words_it_only_wakes_the_app(sender, service) -> None:
    one(sender(), to(service.device(), message(content=Content(url="https://example.com"))))
    (sent,) = service.sent
    assert sent.payload["aps"] == {"content-available": 1}
    assert sent.headers["apns-push-type"] == "background"
    assert sent.headers["apns-priority"] == "5"


@pytest.mark.parametrize(
    ("left", "lives"),
    [(timedelta(hours=1), 3600), (timedelta(days=90), 28 * DAY), (timedelta(seconds=-5), None)],
)
def test_it_waits_as_long_as_the_message_is_worth_it(sender, service, left, lives) -> None:
    one(sender(), to(service.device(), expires_at=datetime.now(UTC) + left))
    expires = int(service.sent[0].headers["apns-expiration"])
    assert expires == 0 if lives is None else abs(expires - time.time() - lives) < 600


def test_a_long_text_is_cut_to_the_byte_and_a_huge_title_is_refused_unsent(sender, service) -> None:
    provider, device = sender(), service.device()
    assert one(provider, to(device, saying(text="слово " * 900))).kind is OutcomeKind.ACCEPTED
    assert 4080 < len(service.taken[0].body) <= 4096
    assert service.sent[0].payload["aps"]["alert"]["body"].endswith("…")
    outcome = one(provider, to(device, saying(title="word " * 2000)))
    assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED_MESSAGE, "too_large")
    assert len(service.taken) == 1


ERRORS = [
    (refusal(400, "BadDeviceToken"), OutcomeKind.REFUSED_ADDRESS, None),
    (refusal(400, "DeviceTokenNotForTopic"), OutcomeKind.REFUSED_ADDRESS, None),
    (refusal(410, "Unregistered", timestamp=1), OutcomeKind.REFUSED_ADDRESS, None),
    (refusal(410, "ExpiredToken", timestamp=1), OutcomeKind.REFUSED_ADDRESS, None),
    (refusal(400, "BadExpirationDate"), OutcomeKind.REFUSED_MESSAGE, None),
    (refusal(413, "PayloadTooLarge"), OutcomeKind.REFUSED_MESSAGE, None),
    (refusal(429, "TooManyRequests"), OutcomeKind.TRANSIENT, None),
    (refusal(500, "InternalServerError"), OutcomeKind.TRANSIENT, 900.0),
    (refusal(503, "ServiceUnavailable"), OutcomeKind.TRANSIENT, 900.0),
    (refusal(503, "Shutdown"), OutcomeKind.TRANSIENT, 900.0),
    (refusal(400, "IdleTimeout"), OutcomeKind.TRANSIENT, None),
    (refusal(400, "TopicDisallowed"), OutcomeKind.ACCOUNT, None),
    (refusal(403, "BadCertificate"), OutcomeKind.ACCOUNT, None),
    (refusal(403, "InvalidProviderToken"), OutcomeKind.ACCOUNT, None),
    (refusal(429, "TooManyProviderTokenUpdates"), OutcomeKind.ACCOUNT, None),
]


@pytest.mark.parametrize(("reply", "kind", "retry_after"), ERRORS)
def test_the_answer_says_what_to_do_next(sender, service, reply, kind, retry_after) -> None:
    outcome = one(sender(), to(service.device(answer=reply)))
    reason = reply.body["reason"]
    assert (outcome.kind, outcome.code, outcome.retry_after) == (kind, reason, retry_after)
    assert len(service.taken) == 1


@pytest.mark.parametrize(
    ("registered", "kind"),
    [
        (timedelta(hours=-1), OutcomeKind.REFUSED_ADDRESS),
        (timedelta(hours=1), OutcomeKind.TRANSIENT),
    ],
)
def test_a_device_that_registered_since_is_not_gone(sender, service, registered, kind) -> None:
    gone = datetime.now(UTC) - timedelta(days=1)
    reply = refusal(410, "Unregistered", timestamp=int(gone.timestamp() * 1000))
    sealed = to(service.device(answer=reply), registered_at=gone + registered)
    assert one(sender(), sealed).kind is kind


def test_an_address_that_is_no_device_s_is_not_asked_after(sender, service) -> None:
    outcome = one(sender(), to("../../3/device/x"))
    assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED_ADDRESS, "malformed_token")
    assert service.taken == []


def test_one_bad_device_does_not_stop_the_rest(sender, service) -> None:
    answers = [None, refusal(410, "Unregistered"), DROP, refusal(413, "PayloadTooLarge"), None]
    messages = [to(service.device(answer=answer)) for answer in answers]
    assert kinds(sender(), messages) == [
        OutcomeKind.ACCEPTED,
        OutcomeKind.REFUSED_ADDRESS,
        OutcomeKind.UNKNOWN,
        OutcomeKind.REFUSED_MESSAGE,
        OutcomeKind.ACCEPTED,
    ]


def test_flights_share_one_connection_and_one_login(sender, service) -> None:
    provider = sender()
    for _ in range(3):
        messages = [to(service.device()) for _ in range(100)]
        assert set(kinds(provider, messages)) == {OutcomeKind.ACCEPTED}
    assert (len(service.sent), service.connections, len(service.logins)) == (300, 1, 1)
    said = jwt.get_unverified_header(service.logins[0])
    assert said == {"alg": "ES256", "kid": KEY_ID, "typ": "JWT"}
    claims = jwt.decode(service.logins[0], options={"verify_signature": False})
    assert claims == {"iss": TEAM_ID, "iat": claims["iat"]}


def test_a_login_that_is_too_old_is_replaced_once(sender, service) -> None:
    provider = sender()
    one(provider, to(service.device()))
    service.expire_logins()
    messages = [to(service.device()) for _ in range(3)]
    assert kinds(provider, messages) == [OutcomeKind.ACCEPTED] * 3
    assert len(service.logins) == 2
    service.expire_logins()
    outcome = one(provider, to(service.device()))
    assert (outcome.kind, outcome.code) == (OutcomeKind.ACCOUNT, "ExpiredProviderToken")
    assert len(service.logins) == 2


def test_a_login_is_signed_anew_between_twenty_and_sixty_minutes() -> None:
    now = [1_800_000_000.0]
    login = Login(key=apns_service.key_file(), key_id=KEY_ID, team_id=TEAM_ID, clock=lambda: now[0])
    first = login.token()
    now[0] += 20 * 60
    assert login.token() == first
    now[0] += 39 * 60
    second = login.token()
    assert second != first
    assert login.replace(first)
    assert login.token() == second
    assert login.replace(second)
    assert not login.replace(login.token())
    now[0] -= 3600
    assert jwt.decode(login.token(), options={"verify_signature": False})["iat"] == now[0]


def test_a_goodbye_sends_what_was_not_looked_at_again_at_once(sender, service) -> None:
    provider = sender()
    one(provider, to(service.device()))
    service.on_call(Reply(200), Goodbye())
    assert kinds(provider, [to(service.device()) for _ in range(4)]) == [
        OutcomeKind.ACCEPTED,
        OutcomeKind.UNKNOWN,
        OutcomeKind.ACCEPTED,
        OutcomeKind.ACCEPTED,
    ]
    assert service.connections == 2


def test_what_is_refused_again_and_again_comes_later(sender, service) -> None:
    outcome = one(sender(), to(service.device(answer=REFUSE)))
    assert (outcome.kind, outcome.code) == (OutcomeKind.TRANSIENT, "unreachable")
    assert len(service.taken) == 2


def test_a_connection_that_dies_leaves_only_what_was_under_way_in_doubt(sender, service) -> None:
    provider = sender()
    # Until a login is accepted there is one stream.
    service.on_call(CUT)
    found = kinds(provider, [to(service.device()) for _ in range(3)])
    assert found == [OutcomeKind.UNKNOWN, OutcomeKind.ACCEPTED, OutcomeKind.ACCEPTED]


def test_a_device_that_is_never_answered_for_leaves_it_unknown(sender, service) -> None:
    provider = sender(timeout=3)
    one(provider, to(service.device()))
    messages = [to(service.device(answer=HANG)), to(service.device())]
    assert kinds(provider, messages) == [OutcomeKind.UNKNOWN, OutcomeKind.ACCEPTED]


def test_a_message_that_cannot_be_written_sinks_no_other(sender, service) -> None:
    odd = to(service.device(), data={"x": object()})
    assert kinds(sender(), [odd, to(service.device())]) == [
        OutcomeKind.UNKNOWN,
        OutcomeKind.ACCEPTED,
    ]


def test_the_bundle_must_be_the_app_s(sender, service) -> None:
    outcome = one(sender(topic="test.other"), to(service.device()))
    assert (outcome.kind, outcome.code) == (OutcomeKind.ACCOUNT, "TopicDisallowed")


def test_a_key_may_have_its_line_breaks_written_out(sender, service) -> None:
    provider = sender(key=apns_service.key_file().replace("\n", "\\n"))
    assert one(provider, to(service.device())).kind is OutcomeKind.ACCEPTED


@pytest.mark.parametrize("key", ["", "secret", "-----BEGIN PRIVATE KEY-----\nAAAA\n"])
def test_what_is_no_key_is_told_when_it_is_built(sender, key) -> None:
    with pytest.raises(ValueError, match=r"\.p8"):
        sender(key=key)
