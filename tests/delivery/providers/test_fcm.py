"""FCM: what Google is given, and what its answers mean."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from delivery.contracts import Action
from delivery.lifecycle import OutcomeKind
from delivery.providers.fcm import Fcm
from tests.delivery.providers.messages import one, saying, to
from tests.fakes import fcm_service
from tests.fakes.fcm_service import PROJECT, FcmService
from tests.fakes.service import DROP, HANG, Reply

DAY = 86400


@pytest.fixture
def service(settings) -> Iterator[FcmService]:
    with FcmService() as running:
        settings.OUTBOUND_ALLOWED_ORIGINS = [running.origin]
        yield running


@pytest.fixture
def sender(service, keep) -> Callable[..., Fcm]:
    return lambda **options: keep(Fcm(alias="fcm", **{"threads": 1, **service.options, **options}))


def test_phone_browser_and_app_are_told_in_one_message(sender, service) -> None:
    phone = service.phone()
    sealed = to(
        phone,
        saying(
            title="Shipped — 已发货",
            text="It is on its way.",
            url="https://example.com/orders/7",
            image="https://example.com/parcel.png",
            actions=(Action(label="Track", url="https://example.com/track/7"),),
        ),
        data={"order": 7, "from": "nobody", "google.x": "kept by Google"},
    )
    options = {"icon": "ic_parcel", "channel_id": "orders", "click_action": "OPEN_ORDER"}
    outcome = one(sender(**options), sealed)
    (sent,) = service.sent
    expires = int(sent["apns"]["headers"].pop("apns-expiration"))
    assert abs(expires - datetime.now(UTC).timestamp() - 28 * DAY) < 600
    assert sent == {
        "token": phone,
        "notification": {
            "title": "Shipped — 已发货",
            "body": "It is on its way.",
            "image": "https://example.com/parcel.png",
        },
        "data": {
            "reference": str(sealed.reference),
            "notification_id": str(sealed.notification),
            "type": "order_shipped",
            "category": "orders",
            "locale": "en",
            "url": "https://example.com/orders/7",
            "actions": '[{"title":"Track","url":"https://example.com/track/7"}]',
            "order": "7",
        },
        "android": {
            "collapse_key": str(sealed.reference),
            "priority": "high",
            "ttl": f"{28 * DAY}s",
            "notification": {
                "tag": str(sealed.reference),
                "icon": "ic_parcel",
                "channel_id": "orders",
                "click_action": "OPEN_ORDER",
                "default_sound": True,
            },
        },
        "apns": {
            "headers": {"apns-collapse-id": str(sealed.reference), "apns-priority": "10"},
            "payload": {
                "aps": {
                    "mutable-content": 1,
                    "category": "order_shipped",
                    "thread-id": "orders",
                    "sound": "default",
                }
            },
        },
        "webpush": {"fcm_options": {"link": "https://example.com/orders/7"}},
    }
    assert (outcome.kind, outcome.code) == (OutcomeKind.ACCEPTED, "200")
    assert outcome.provider_ref == f"projects/{PROJECT}/messages/1"


@pytest.mark.parametrize(
    ("changes", "priority", "sound"),
    [
        ({"priority": 1}, "high", True),
        ({"priority": 3}, "high", True),
        ({"priority": 4}, "normal", True),
        ({"priority": 1, "silent": True}, "normal", False),
    ],
)
def test_what_can_wait_does_not_wake_the_phone(sender, service, changes, priority, sound) -> None:
    one(sender(), to(service.phone(), **changes))
    (sent,) = service.sent
    assert sent["android"]["priority"] == priority
    assert ("default_sound" in sent["android"]["notification"]) is sound
    assert ("sound" in sent["apns"]["payload"]["aps"]) is sound


@pytest.mark.parametrize(
    ("address", "badge", "apple", "android"),
    [
        ("a phone", None, None, None),
        ("a phone", 3, 3, 3),
        ("a phone", 0, 0, None),  # Android has no word for "none"
        ("/topics/news", 3, None, None),
    ],
)
def test_the_icon_s_number_is_one_person_s(sender, service, address, badge, apple, android) -> None:
    address = service.phone() if address == "a phone" else address
    one(sender(), to(address, badge=badge))
    (sent,) = service.sent
    assert sent["apns"]["payload"]["aps"].get("badge") == apple
    assert sent["android"]["notification"].get("notification_count") == android


@pytest.mark.parametrize(
    ("left", "ttl"),
    [
        (timedelta(hours=1), range(3000, 3601)),
        (timedelta(seconds=-5), range(1)),
        (timedelta(days=90), range(28 * DAY, 28 * DAY + 1)),
    ],
)
def test_it_waits_as_long_as_the_message_is_worth_it(sender, service, left, ttl) -> None:
    one(sender(), to(service.phone(), expires_at=datetime.now(UTC) + left))
    (sent,) = service.sent
    assert int(sent["android"]["ttl"].removesuffix("s")) in ttl


def test_only_a_secure_page_is_a_browser_s_link(sender, service) -> None:
    one(sender(), to(service.phone(), saying(url="acme://orders/7")))
    (sent,) = service.sent
    assert "webpush" not in sent
    assert sent["data"]["url"] == "acme://orders/7"


def test_a_long_text_is_cut_to_the_byte_and_a_huge_title_is_refused_unsent(sender, service) -> None:
    provider, phone = sender(), service.phone()
    outcome = one(provider, to(phone, saying(text="слово 👩🏽\u200d🚀 " * 900)))
    assert outcome.kind is OutcomeKind.ACCEPTED
    (sent,) = service.sent
    assert sent["notification"]["body"].endswith("…")
    assert 4070 < len(service.taken[0].body) <= 4096
    outcome = one(provider, to(phone, saying(title="word " * 2000)))
    assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED_MESSAGE, "too_large")
    assert len(service.sent) == 1


def test_a_picture_goes_before_the_text_says_nothing_any_more(sender, service) -> None:
    picture = "https://example.com/" + "p" * 3300
    one(sender(), to(service.phone(), saying(text="x" * 1000, image=picture)))
    (sent,) = service.sent
    assert (sent["notification"]["body"], "image" in sent["notification"]) == ("x" * 1000, False)
    assert "mutable-content" not in sent["apns"]["payload"]["aps"]


ERRORS = [
    (fcm_service.UNREGISTERED, OutcomeKind.REFUSED_ADDRESS, "UNREGISTERED", None),
    (fcm_service.OTHER_SENDER, OutcomeKind.REFUSED_ADDRESS, "SENDER_ID_MISMATCH", None),
    (fcm_service.BAD_TOKEN, OutcomeKind.REFUSED_ADDRESS, "INVALID_ARGUMENT", None),
    (fcm_service.TOO_BIG, OutcomeKind.REFUSED_MESSAGE, "INVALID_ARGUMENT", None),
    (
        fcm_service.error(400, "INVALID_ARGUMENT", field="message.data[0].value"),
        OutcomeKind.REFUSED_MESSAGE,
        "INVALID_ARGUMENT",
        None,
    ),
    (fcm_service.QUOTA, OutcomeKind.TRANSIENT, "QUOTA_EXCEEDED", 60.0),
    (
        fcm_service.error(429, "RESOURCE_EXHAUSTED", headers={"Retry-After": "7"}),
        OutcomeKind.TRANSIENT,
        "RESOURCE_EXHAUSTED",
        7.0,
    ),
    (fcm_service.error(500, "INTERNAL", "INTERNAL"), OutcomeKind.TRANSIENT, "INTERNAL", None),
    (
        fcm_service.error(503, "UNAVAILABLE", "UNAVAILABLE"),
        OutcomeKind.TRANSIENT,
        "UNAVAILABLE",
        10.0,
    ),
    (
        fcm_service.error(503, "UNAVAILABLE", headers={"Retry-After": "2"}),
        OutcomeKind.TRANSIENT,
        "UNAVAILABLE",
        10.0,
    ),
    (Reply(502, b"<!DOCTYPE html>"), OutcomeKind.TRANSIENT, "502", None),
    (fcm_service.THIRD_PARTY, OutcomeKind.ACCOUNT, "THIRD_PARTY_AUTH_ERROR", None),
    (fcm_service.error(403, "PERMISSION_DENIED"), OutcomeKind.ACCOUNT, "PERMISSION_DENIED", None),
    (fcm_service.error(404, "NOT_FOUND"), OutcomeKind.ACCOUNT, "NOT_FOUND", None),
    (Reply(200, b"<html>"), OutcomeKind.UNKNOWN, "200", None),
    (DROP, OutcomeKind.UNKNOWN, "no_answer", None),
]


@pytest.mark.parametrize(("reply", "kind", "code", "retry_after"), ERRORS)
def test_the_answer_says_what_to_do_next(sender, service, reply, kind, code, retry_after) -> None:
    outcome = one(sender(), to(service.phone(answer=reply)))
    assert (outcome.kind, outcome.code, outcome.retry_after) == (kind, code, retry_after)
    assert len(service.taken) == 1


def test_the_field_at_fault_is_told_to_operators(sender, service) -> None:
    reply = fcm_service.error(400, "INVALID_ARGUMENT", field="message.android.ttl")
    assert one(sender(), to(service.phone(answer=reply))).detail == "message.android.ttl"


def test_a_token_that_nobody_has_is_a_dead_address(sender) -> None:
    outcome = one(sender(), to("nobody:APA91b"))
    assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED_ADDRESS, "UNREGISTERED")


def test_a_device_group_is_a_token_and_a_topic_is_named_without_its_prefix(sender, service) -> None:
    provider, group = sender(), service.group()
    for address in (group, "/topics/news-7.~%_"):
        assert one(provider, to(address)).kind is OutcomeKind.ACCEPTED
    targets = [
        {name: sent[name] for name in ("token", "topic") if name in sent} for sent in service.sent
    ]
    assert targets == [{"token": group}, {"topic": "news-7.~%_"}]


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (fcm_service.UNREGISTERED, OutcomeKind.REFUSED_MESSAGE),
        (fcm_service.OTHER_SENDER, OutcomeKind.REFUSED_MESSAGE),
        (
            fcm_service.error(400, "INVALID_ARGUMENT", field="message.topic"),
            OutcomeKind.REFUSED_MESSAGE,
        ),
        (fcm_service.QUOTA, OutcomeKind.TRANSIENT),
    ],
)
def test_a_topic_is_never_a_dead_address(sender, service, reply, kind) -> None:
    service.on_call(reply)
    assert one(sender(), to("/topics/news")).kind is kind


def test_one_bad_phone_does_not_stop_the_rest(sender, service) -> None:
    answers = [None, fcm_service.UNREGISTERED, None, fcm_service.TOO_BIG, DROP, None]
    messages = [to(service.phone(answer=answer)) for answer in answers]
    kinds = {each.reference: each.kind for each in sender(threads=3).send(messages)}
    assert [kinds[each.reference] for each in messages] == [
        OutcomeKind.ACCEPTED,
        OutcomeKind.REFUSED_ADDRESS,
        OutcomeKind.ACCEPTED,
        OutcomeKind.REFUSED_MESSAGE,
        OutcomeKind.UNKNOWN,
        OutcomeKind.ACCEPTED,
    ]


def test_one_login_serves_many_messages_and_threads(sender, service) -> None:
    provider = sender(threads=8)
    messages = [to(service.phone()) for _ in range(24)]
    assert {each.kind for each in provider.send(messages)} == {OutcomeKind.ACCEPTED}
    assert len(service.logins) == 1


def test_a_login_is_renewed_before_it_ends(sender, service) -> None:
    service.seconds = 0
    provider = sender()
    for _ in range(2):
        assert one(provider, to(service.phone())).kind is OutcomeKind.ACCEPTED
    assert len(service.logins) == 2


def test_a_login_that_is_not_accepted_is_renewed_once(sender, service) -> None:
    provider = sender()
    one(provider, to(service.phone()))
    service.revoke()
    assert one(provider, to(service.phone())).kind is OutcomeKind.ACCEPTED
    assert (len(service.logins), len(service.taken)) == (2, 3)
    outcome = one(provider, to(service.phone(answer=fcm_service.UNAUTHENTICATED)))
    assert (outcome.kind, outcome.code) == (OutcomeKind.ACCOUNT, "UNAUTHENTICATED")
    assert (len(service.logins), len(service.taken)) == (3, 5)


@pytest.mark.parametrize(
    ("reply", "kind", "code", "retry_after"),
    [
        (Reply(400, {"error": "invalid_grant"}), OutcomeKind.ACCOUNT, "login_invalid_grant", None),
        (Reply(403, b"no"), OutcomeKind.ACCOUNT, "login_403", None),
        (Reply(200, b"<html>"), OutcomeKind.TRANSIENT, "login_200", None),
        (
            Reply(503, headers={"Retry-After": "5"}),
            OutcomeKind.TRANSIENT,
            "login_503",
            5.0,
        ),
        (DROP, OutcomeKind.TRANSIENT, "login_unreachable", None),
    ],
)
def test_without_a_login_nothing_was_sent(sender, service, reply, kind, code, retry_after) -> None:
    service.login_answers.append(reply)
    provider = sender()
    outcome = one(provider, to(service.phone()))
    assert (outcome.kind, outcome.code, outcome.retry_after) == (kind, code, retry_after)
    assert service.taken == []
    assert one(provider, to(service.phone())).kind is OutcomeKind.ACCEPTED


def test_google_that_never_answers_leaves_it_unknown(sender, service) -> None:
    provider = sender(timeout=3)
    one(provider, to(service.phone()))
    outcome = one(provider, to(service.phone(answer=HANG)))
    assert (outcome.kind, outcome.code) == (OutcomeKind.UNKNOWN, "no_answer")


def test_no_outcome_tells_the_phone_or_a_token(sender, service) -> None:
    provider, phone = sender(), service.phone()
    echo = fcm_service.error(400, phone, phone, field=f"message.{phone}")
    service.on_call(echo, Reply(200, {"name": 7}), Reply(403, phone.encode()))
    outcomes = [one(provider, to(phone)) for _ in range(3)]
    told = " ".join(f"{each.code} {each.detail} {each.provider_ref}" for each in outcomes)
    assert phone not in told
    assert "ya29" not in f"{told} {vars(provider)!r}"


ACCOUNT = {"client_email": "a@b.test", "token_uri": "https://a.test", "project_id": "p"}


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"service_account": ""}, "JSON key of a service account"),
        ({"service_account": "/etc/key.json"}, "JSON key of a service account"),
        ({"service_account": json.dumps(ACCOUNT)}, "it has no private_key"),
        ({"service_account": json.dumps({**ACCOUNT, "private_key": "x"})}, "RSA key in PEM"),
        ({"ttl": 29 * DAY}, "ttl must be"),
    ],
)
def test_what_cannot_work_is_told_when_it_is_built(sender, options, complaint) -> None:
    with pytest.raises(ValueError, match=complaint):
        sender(**options)
