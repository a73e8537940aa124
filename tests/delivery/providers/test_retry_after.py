"""How long each provider's answer has the next try wait: never shorter than asked (RFC 9110)."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from django.conf import settings as configured

from delivery import backoff, verdicts
from delivery.channels import WEB_PUSH
from delivery.contracts import Outcome
from delivery.lifecycle import OutcomeKind, State, Uncertain
from delivery.providers.base import asked_to_wait
from delivery.providers.email import DjangoEmail
from delivery.providers.webpush import WebPush
from delivery.verdicts import Tried, Verdict
from tests.delivery.providers.messages import message, one
from tests.fakes.mail.postmark import Postmark
from tests.fakes.push_service import PushService
from tests.fakes.service import Reply

DAY = 86_400
JITTER = backoff.LEAST_PAUSE + 2.5  # the first retry of DEFAULT at half the luck
KEYS = configured.WEBPUSH_SETTINGS

Answering = Callable[[int, dict[str, str]], Outcome]


@pytest.fixture
def closing() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def by_web_push(closing, settings) -> Answering:
    service = closing.enter_context(PushService(key=KEYS["VAPID_PUBLIC_KEY"]))
    settings.OUTBOUND_ALLOWED_ORIGINS = [service.origin]
    provider = WebPush(
        alias="webpush", private_key=KEYS["VAPID_PRIVATE_KEY"], contact="ops@acme.test"
    )
    closing.callback(provider.close)

    def answered(status: int, headers: dict[str, str]) -> Outcome:
        browser = service.browser(answer=Reply(status, headers=headers))
        return one(provider, message(browser.address, channel=WEB_PUSH.number))

    return answered


@pytest.fixture
def by_mail_api(closing) -> Answering:
    api = closing.enter_context(Postmark())
    provider = DjangoEmail(
        alias="email",
        backend="anymail.backends.postmark.EmailBackend",
        connection={"server_token": "token", "api_url": f"{api.origin}/"},
        from_email="hello@acme.test",
    )
    closing.callback(provider.close)

    def answered(status: int, headers: dict[str, str]) -> Outcome:
        api.on_call(Reply(status, body={}, headers=headers))
        return one(provider)

    return answered


@pytest.fixture
def by_amazon(closing) -> Answering:
    """As anymail gives on what botocore says."""

    def answered(status: int, headers: dict[str, str]) -> Outcome:
        small = {name.lower(): value for name, value in headers.items()}
        provider = DjangoEmail(
            alias="email",
            backend="tests.fakes.mail_backends.Refusing",
            connection={"status": status, "code": "", "headers": small},
            from_email="hello@acme.test",
        )
        closing.callback(provider.close)
        return one(provider)

    return answered


@pytest.fixture(params=["by_web_push", "by_mail_api", "by_amazon"])
def answered(request) -> Answering:
    """Hand a message over to a service that gives this answer."""
    return request.getfixturevalue(request.param)


def verdict(outcome: Outcome) -> Verdict:
    """What becomes of a message after this first try, at half the luck."""
    tried = Tried(
        attempts=1,
        unknowns=0,
        age=0.0,
        profile=backoff.DEFAULT,
        uncertain=Uncertain.RESEND,
        luck=0.5,
        retry_after=outcome.retry_after,
    )
    return verdicts.after(outcome.kind, tried)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("asked", "waits"),
    [
        ("7", 7.0),
        ("1000000000", DAY),
        ("9" * 400, DAY),
        ("Tue, 01 Jan 2999 00:00:00 GMT", DAY),
        # What asks for less than the jitter, or for nothing, leaves the jitter.
        ("1", JITTER),
        ("Sun, 06 Nov 1994 08:49:37 GMT", JITTER),
        ("soon", JITTER),
        ("-7", JITTER),
        ("7 seconds", JITTER),
        ("", JITTER),
    ],
)
def test_the_next_try_waits_as_long_as_asked_and_a_day_at_most(
    answered, status, asked, waits
) -> None:
    outcome = answered(status, {"Retry-After": asked})

    assert outcome.kind is OutcomeKind.TRANSIENT
    assert verdict(outcome) == Verdict(state=State.QUEUED, retry_in=waits)


def test_without_the_header_the_next_try_waits_for_the_jitter(answered) -> None:
    assert verdict(answered(429, {})).retry_in == JITTER


def test_the_next_try_comes_no_earlier_than_the_date_asked_for(answered) -> None:
    date = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)

    retry_in = verdict(answered(429, {"Retry-After": format_datetime(date, usegmt=True)})).retry_in

    assert retry_in <= 3601  # a Date is in whole seconds
    assert datetime.now(UTC) + timedelta(seconds=retry_in) >= date


def test_an_account_that_is_refused_waits_as_long_as_asked_too(answered) -> None:
    outcome = answered(403, {"Retry-After": "120"})

    assert outcome.kind is OutcomeKind.ACCOUNT
    assert verdict(outcome).retry_in == 120.0


@pytest.mark.parametrize("ahead", [timedelta(hours=-1), timedelta(), timedelta(hours=1)])
def test_a_date_counts_from_the_answer_s_own_whatever_our_clock_says(ahead) -> None:
    theirs = datetime.now(UTC) - ahead
    headers = {
        "Date": format_datetime(theirs, usegmt=True),
        "Retry-After": format_datetime(theirs + timedelta(seconds=90), usegmt=True),
    }

    assert asked_to_wait(headers) == 90.0


@pytest.mark.parametrize("date", ["", "yesterday"])
def test_without_a_date_that_can_be_read_our_clock_counts(date) -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    headers = {"Date": date, "Retry-After": format_datetime(until, usegmt=True)}

    assert 3500 < asked_to_wait(headers) <= 3600


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("CONNECT", "421 4.3.2 Try again in 7 seconds"),
        ("MAIL", "421 4.7.0 Too many messages, retry after 7"),
        ("RCPT", "450 4.2.1 Retry-After: 7"),
        ("DATA", "451 4.7.1 Slow down"),
        (".", "450 4.7.0 Later"),
        (".", "421 4.7.0 Closing"),
    ],
)
def test_a_mail_server_that_is_busy_names_no_time_and_leaves_the_jitter(
    mailer, smtp, step, said
) -> None:
    smtp.on(step, said)
    provider = mailer()

    outcome = one(provider)

    assert (outcome.kind, outcome.retry_after) == (OutcomeKind.TRANSIENT, None)
    assert verdict(outcome) == Verdict(state=State.QUEUED, retry_in=JITTER)
    assert one(provider).kind is OutcomeKind.ACCEPTED
