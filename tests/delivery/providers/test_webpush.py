"""Web push: what a push service is given, and what its answers mean."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from delivery.channels import WEB_PUSH
from delivery.contracts import Action, Message
from delivery.lifecycle import OutcomeKind
from delivery.providers.webpush import WebPush
from notifysite.plumbing import vapid
from notifysite.plumbing.http import OutboundClient
from tests.delivery.providers.messages import message, saying
from tests.fakes.push_service import Browser, PushService
from tests.fakes.service import DROP, GARBAGE, HANG, Reply

KEY = vapid.generate()
DAY = 86400


@pytest.fixture
def service(settings) -> Iterator[PushService]:
    with PushService(key=vapid.public(KEY)) as running:
        settings.OUTBOUND_ALLOWED_ORIGINS = [running.origin]
        yield running


@pytest.fixture
def pusher(keep) -> Callable[..., WebPush]:
    given = {"private_key": KEY, "contact": "ops@acme.test", "threads": 1}
    return lambda **options: keep(WebPush(alias="webpush", **given | options))


def to(browser: Browser, sealed: Message | None = None, **changes: object) -> Message:
    sealed = sealed or message()
    return replace(sealed, address=browser.address, channel=WEB_PUSH.number, **changes)


def one(provider: WebPush, sealed: Message):
    (outcome,) = provider.send([sealed])
    return outcome


def test_the_browser_reads_what_was_said_and_the_service_knows_who_said_it(pusher, service) -> None:
    sealed = to(
        service.browser(),
        saying(
            title="Shipped — 已发货",
            text="It is on its way.",
            url="https://example.com/orders/7",
            image="https://example.com/parcel.png",
            icon="https://example.com/icon.png",
            actions=(Action(label="Track", url="https://example.com/track/7"),),
        ),
        data={"order": 7},
    )
    outcome = one(pusher(badge="https://example.com/badge.png"), sealed)
    (pushed,) = service.pushed
    assert service.complaints == []
    assert pushed.payload == {
        "title": "Shipped — 已发货",
        "body": "It is on its way.",
        "url": "https://example.com/orders/7",
        "image": "https://example.com/parcel.png",
        "icon": "https://example.com/icon.png",
        "badge": "https://example.com/badge.png",
        "actions": [{"title": "Track", "url": "https://example.com/track/7"}],
        "tag": str(sealed.reference),
        "lang": "en",
        "data": {"notification": str(sealed.notification), "order": 7},
    }
    assert pushed.claims["sub"] == "mailto:ops@acme.test"
    assert (outcome.kind, outcome.code) == (OutcomeKind.ACCEPTED, "201")
    assert outcome.provider_ref == f"{service.origin}/message/1"


def test_it_waits_a_day_for_a_browser_that_is_away(pusher, service) -> None:
    one(pusher(), to(service.browser()))
    assert service.pushed[0].headers["TTL"] == str(DAY)


@pytest.mark.parametrize(
    ("left", "ttl"),
    [
        (timedelta(hours=1), range(3590, 3601)),
        (timedelta(milliseconds=900), range(1, 2)),
        (timedelta(seconds=-5), range(1)),
        (timedelta(days=90), range(28 * DAY, 28 * DAY + 1)),
    ],
)
def test_it_waits_as_long_as_the_message_is_worth_it(pusher, service, left, ttl) -> None:
    one(pusher(), to(service.browser(), expires_at=datetime.now(UTC) + left))
    assert int(service.pushed[0].headers["TTL"]) in ttl


@pytest.mark.parametrize(
    ("priority", "urgency"), [(1, "high"), (2, "high"), (3, "normal"), (4, "low")]
)
def test_its_urgency_is_its_priority(pusher, service, priority, urgency) -> None:
    one(pusher(), to(service.browser(), priority=priority))
    assert service.pushed[0].headers["Urgency"] == urgency


def test_a_second_copy_replaces_the_first_and_nothing_else(pusher, service) -> None:
    provider, browser = pusher(), service.browser()
    first, other = to(browser), to(browser)
    for sealed in (first, first, other):
        one(provider, sealed)
    topics = [pushed.headers["Topic"] for pushed in service.pushed]
    assert topics[0] == topics[1] != topics[2]
    assert {len(topic) for topic in topics} == {32}


def test_one_signature_serves_a_push_service_until_it_is_not_accepted(pusher, service) -> None:
    provider, browser = pusher(), service.browser()
    service.on_call(Reply(), Reply(), Reply(403))
    for _ in range(4):
        one(provider, to(browser))
    signed = [pushed.headers["Authorization"] for pushed in service.pushed]
    assert signed[0] == signed[1] == signed[2] != signed[3]


def test_each_push_service_is_signed_for_alone(pusher, service, settings) -> None:
    with PushService(key=vapid.public(KEY)) as other:
        settings.OUTBOUND_ALLOWED_ORIGINS = [service.origin, other.origin]
        provider = pusher()
        for each in (service, other, service):
            assert one(provider, to(each.browser())).kind is OutcomeKind.ACCEPTED
        assert [pushed.claims["aud"] for pushed in service.pushed] == [service.origin] * 2
        assert [pushed.claims["aud"] for pushed in other.pushed] == [other.origin]


MISMATCH = {"code": 401, "errno": 109, "message": "VAPID public key mismatch"}
FCM_MISMATCH = (
    b"the VAPID credentials in the authorization header do not correspond to the "
    b"credentials used to create the subscriptions.\n"
)


@pytest.mark.parametrize(
    ("reply", "kind", "code", "retry_after"),
    [
        (Reply(200), OutcomeKind.ACCEPTED, "200", None),
        (Reply(202), OutcomeKind.ACCEPTED, "202", None),
        (Reply(302, headers={"Location": "/x"}), OutcomeKind.TRANSIENT, "302", None),
        (Reply(400), OutcomeKind.REFUSED_MESSAGE, "400", None),
        (Reply(401), OutcomeKind.ACCOUNT, "401", None),
        (Reply(403), OutcomeKind.ACCOUNT, "403", None),
        (Reply(401, MISMATCH), OutcomeKind.REFUSED_MESSAGE, "other_key", None),
        (Reply(403, FCM_MISMATCH), OutcomeKind.REFUSED_MESSAGE, "other_key", None),
        (Reply(404), OutcomeKind.REFUSED_ADDRESS, "404", None),
        (Reply(410), OutcomeKind.REFUSED_ADDRESS, "410", None),
        (Reply(429), OutcomeKind.TRANSIENT, "429", None),
        (Reply(429, headers={"Retry-After": "120"}), OutcomeKind.TRANSIENT, "429", 120.0),
        (Reply(429, headers={"Retry-After": "soon"}), OutcomeKind.TRANSIENT, "429", None),
        (Reply(500), OutcomeKind.TRANSIENT, "500", None),
        (Reply(503, headers={"Retry-After": "7"}), OutcomeKind.TRANSIENT, "503", 7.0),
        (DROP, OutcomeKind.UNKNOWN, "no_answer", None),
        (GARBAGE, OutcomeKind.UNKNOWN, "no_answer", None),
    ],
)
def test_the_answer_says_what_to_do_next(pusher, service, reply, kind, code, retry_after) -> None:
    outcome = one(pusher(), to(service.browser(answer=reply)))
    assert (outcome.kind, outcome.code, outcome.retry_after) == (kind, code, retry_after)
    assert len(service.pushed) == 1


def test_a_service_that_never_answers_leaves_it_unknown(pusher, service) -> None:
    outcome = one(pusher(timeout=0.2), to(service.browser(answer=HANG)))
    assert (outcome.kind, outcome.code) == (OutcomeKind.UNKNOWN, "no_answer")


def test_a_service_that_is_not_there_was_given_nothing(pusher, service, settings) -> None:
    settings.OUTBOUND_ALLOWED_ORIGINS = ["http://127.0.0.1:9"]
    outcome = one(pusher(), to(Browser("http://127.0.0.1:9/push/x")))
    assert (outcome.kind, outcome.code) == (OutcomeKind.TRANSIENT, "unreachable")


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://fcm.googleapis.com/x",
        "https://10.0.0.1/x",
        "https://[fe80::1]/x",
        "https://user:secret@fcm.googleapis.com/x",
        "https://fcm.googleapis.com:22/x",
        "file:///etc/passwd",
    ],
)
def test_an_endpoint_that_is_no_public_one_is_refused(pusher, endpoint) -> None:
    assert one(pusher(), to(Browser(endpoint))).kind is OutcomeKind.REFUSED_ADDRESS


def test_a_public_name_that_leads_inside_is_tried_again_later(pusher, service) -> None:
    client = OutboundClient(resolver=lambda host, port: ["10.0.0.1"])
    outcome = one(pusher(client=client), to(Browser("https://fcm.googleapis.com/x")))
    assert (outcome.kind, outcome.code) == (OutcomeKind.TRANSIENT, "private_network")
    assert service.connections == 0


@pytest.mark.parametrize(
    "spoil",
    [
        lambda given: "",
        lambda given: "https://fcm.googleapis.com/x",
        lambda given: [given],
        lambda given: {**given, "keys": None},
        lambda given: {**given, "endpoint": None},
        lambda given: {**given, "keys": {**given["keys"], "p256dh": "BAAA"}},
        lambda given: {**given, "keys": {**given["keys"], "p256dh": "é"}},
        lambda given: {**given, "keys": {**given["keys"], "auth": "short"}},
        lambda given: {**given, "keys": {"auth": given["keys"]["auth"]}},
    ],
)
def test_a_subscription_no_browser_made_is_a_dead_address(pusher, service, spoil) -> None:
    spoiled = spoil(service.browser().subscription)
    address = spoiled if isinstance(spoiled, str) else json.dumps(spoiled)
    outcome = one(pusher(), message(address))
    assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED_ADDRESS, "malformed_subscription")


def test_no_outcome_tells_the_endpoint_or_a_key(pusher, service) -> None:
    browser = service.browser()
    token = browser.endpoint.rpartition("/")[2]
    secrets = [token, browser.subscription["keys"]["auth"], KEY, "127.0.0.1"]
    replies = [
        Reply(400, {"message": f"bad {browser.endpoint}", "reason": token}),
        Reply(404, f"unknown {browser.endpoint}".encode()),
        Reply(500, {"reason": f"{token} {KEY}"}),
        Reply(403, {"reason": "BadJwtToken"}),
        DROP,
    ]
    service.on_call(*replies)
    provider = pusher()
    outcomes = [one(provider, to(browser)) for _ in replies]
    told = " ".join(f"{each.code} {each.detail} {each.provider_ref}" for each in outcomes)
    assert [secret for secret in secrets if secret in told] == []
    assert outcomes[3].detail == "BadJwtToken"


def test_one_bad_device_does_not_stop_the_rest(pusher, service) -> None:
    answers = [None, Reply(410), None, Reply(500), DROP, None]
    messages = [to(service.browser(answer=answer)) for answer in answers]
    messages.insert(3, message("not a subscription"))
    kinds = {each.reference: each.kind for each in pusher(threads=3).send(messages)}
    assert [kinds[each.reference] for each in messages] == [
        OutcomeKind.ACCEPTED,
        OutcomeKind.REFUSED_ADDRESS,
        OutcomeKind.ACCEPTED,
        OutcomeKind.REFUSED_ADDRESS,
        OutcomeKind.TRANSIENT,
        OutcomeKind.UNKNOWN,
        OutcomeKind.ACCEPTED,
    ]


def test_300_messages_share_a_few_connections(pusher, service) -> None:
    provider = pusher(threads=4)
    browsers = [service.browser() for _ in range(10)]
    messages = [to(browsers[number % 10]) for number in range(300)]
    outcomes = [
        outcome
        for start in range(0, 300, provider.flight)
        for outcome in provider.send(messages[start : start + provider.flight])
    ]
    assert {outcome.kind for outcome in outcomes} == {OutcomeKind.ACCEPTED}
    assert len(service.pushed) == 300
    assert service.connections <= 4
    assert service.complaints == []


def test_what_a_service_finds_too_large_is_cut_and_sent_once_more(pusher, service) -> None:
    service.on_call(Reply(413))
    outcome = one(pusher(), to(service.browser(), saying(text="long " * 300)))
    first, second = (pushed.plain for pushed in service.pushed)
    assert outcome.kind is OutcomeKind.ACCEPTED
    assert len(second) <= len(first) // 2
    assert json.loads(second)["body"].endswith("long…")


def test_what_stays_too_large_is_refused(pusher, service) -> None:
    browser = service.browser(answer=Reply(413))
    outcome = one(pusher(), to(browser, saying(text="long " * 300)))
    assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED_MESSAGE, "too_large")
    assert len(service.pushed) == 2


def test_a_long_text_is_cut_and_a_huge_title_is_refused_unsent(pusher, service) -> None:
    provider, browser = pusher(), service.browser()
    outcome = one(provider, to(browser, saying(text="word " * 2000)))
    assert outcome.kind is OutcomeKind.ACCEPTED
    assert (service.pushed[0].size, service.complaints) == (4096, [])
    outcome = one(provider, to(browser, saying(title="word " * 2000)))
    assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED_MESSAGE, "too_large")
    assert len(service.pushed) == 1


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"private_key": ""}, "VAPID private key"),
        ({"private_key": "short"}, "VAPID private key"),
        ({"contact": "nobody"}, "contact must be"),
        ({"ttl": 0}, "ttl must be"),
        ({"ttl": 29 * DAY}, "ttl must be"),
    ],
)
def test_what_cannot_work_is_told_when_it_is_built(options, complaint) -> None:
    wanted = {"private_key": KEY, "contact": "ops@acme.test", **options}
    with pytest.raises(ValueError, match=complaint):
        WebPush(alias="webpush", **wanted)
