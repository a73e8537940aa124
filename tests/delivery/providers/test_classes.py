"""Tables of answers, over the wire: each row reaches the outcome, and so do codes no row names."""

from collections.abc import Callable, Iterator

import anymail.exceptions
import pytest

from delivery import registry
from delivery.channels import WEB_PUSH
from delivery.classes import Table
from delivery.lifecycle import OutcomeKind
from delivery.providers.email import DjangoEmail, classes
from delivery.providers.email.classes import MAIL_API, SMTP
from delivery.providers.webhook import Webhook
from delivery.providers.webhook.classes import WEBHOOK
from delivery.providers.webpush import WebPush
from delivery.providers.webpush.classes import PUSH
from tests.delivery.providers.messages import message, one
from tests.fakes.mail.postmark import Postmark
from tests.fakes.push_service import PushService
from tests.fakes.service import Reply
from tests.fakes.webhook_receiver import WebhookReceiver

TRANSIENT, ADDRESS, MESSAGE, ACCOUNT = (
    OutcomeKind.TRANSIENT,
    OutcomeKind.REFUSED_ADDRESS,
    OutcomeKind.REFUSED_MESSAGE,
    OutcomeKind.ACCOUNT,
)
PHASES = {"OPEN": "CONNECT", "MAIL": "MAIL", "RCPT": "RCPT", "DATA": "DATA", "DOT": "."}
POSTMARK = "anymail.backends.postmark.EmailBackend"


def first_rows(table: Table) -> list[tuple[str, OutcomeKind]]:
    """Each code with what the first row that names it says of it."""
    found: dict[str, OutcomeKind] = {}
    for row in table.rows:
        for code in row.codes:
            found.setdefault(code, row.kind)
    return list(found.items())


def statuses(table: Table) -> list[tuple[str, OutcomeKind]]:
    return [(code, kind) for code, kind in first_rows(table) if code[0].isdigit()]


@pytest.fixture
def push(settings) -> Iterator[PushService]:
    with PushService(key=settings.WEBPUSH_SETTINGS["VAPID_PUBLIC_KEY"]) as service:
        yield service


@pytest.fixture
def pushed(push, settings) -> Iterator[Callable[..., OutcomeKind]]:
    """What a message comes to when its push service answers so."""
    settings.OUTBOUND_ALLOWED_ORIGINS = [push.origin]
    made: list[WebPush] = []

    def make(status: int, body: bytes = b"", **options: object) -> OutcomeKind:
        keys = {**settings.DELIVERY_PROVIDERS["webpush"]["OPTIONS"], **options}
        made.append(WebPush(alias="webpush", **keys))
        browser = push.browser(answer=Reply(status, body))
        return one(made[-1], message(browser.address, channel=WEB_PUSH.number)).kind

    yield make
    for provider in made:
        provider.close()


@pytest.fixture
def posted(settings) -> Iterator[Callable[..., OutcomeKind]]:
    """What a message comes to when the receiver of its webhook answers so."""
    with WebhookReceiver() as receiver:
        settings.OUTBOUND_ALLOWED_ORIGINS = [*settings.OUTBOUND_ALLOWED_ORIGINS, receiver.origin]

        def make(status: int, **options: object) -> OutcomeKind:
            receiver.on_call(Reply(status))
            provider = Webhook(alias="webhook", **options)
            outcome = one(provider, receiver.message())
            provider.close()
            return outcome.kind

        yield make


@pytest.fixture
def mailed() -> Iterator[Callable[..., OutcomeKind]]:
    """What a letter comes to when the mail service answers so."""
    with Postmark() as service:

        def make(status: int, **options: object) -> OutcomeKind:
            service.on_call(Reply(status=status, body={}))
            connection = {"server_token": "token", "api_url": f"{service.origin}/"}
            provider = DjangoEmail(
                alias="email",
                backend=POSTMARK,
                connection=connection,
                from_email="hello@acme.test",
                **options,
            )
            outcome = one(provider)
            provider.close()
            return outcome.kind

        yield make


def refused_by_ses(status: int, code: str, **options: object) -> OutcomeKind:
    backend = "tests.fakes.mail_backends.Refusing"
    connection = {"status": status, "code": code}
    return one(DjangoEmail(alias="email", backend=backend, connection=connection, **options)).kind


def example(code: str) -> tuple[str, str]:
    """A step of the conversation, and an answer to it that the code is about."""
    words = code.replace("x.", "9.").replace(".x", ".99").replace("x", "9").split()
    phase = next((word for word in words if word in PHASES), "DATA" if words == ["299"] else "RCPT")
    reply = next((word for word in words if word.isdigit()), "550")
    status = next((word for word in words if "." in word), "")
    text = "Relaying denied" if "relay" in code else "No"
    return PHASES[phase], " ".join(filter(None, (reply, status, text)))


@pytest.mark.parametrize(("code", "kind"), first_rows(SMTP))
def test_every_row_about_mail_servers_is_what_their_answer_comes_to(
    mailer, smtp, code, kind
) -> None:
    smtp.on(*example(code))
    assert one(mailer()).kind is kind


@pytest.mark.parametrize(("code", "kind"), statuses(MAIL_API))
def test_every_row_about_mail_services_is_what_their_status_comes_to(mailed, code, kind) -> None:
    assert mailed(int(code.replace("x", "9"))) is kind


@pytest.mark.parametrize(("code", "kind"), statuses(PUSH))
def test_every_row_about_push_services_is_what_their_status_comes_to(pushed, code, kind) -> None:
    assert pushed(int(code.replace("x", "9"))) is kind


@pytest.mark.parametrize(("code", "kind"), statuses(WEBHOOK))
def test_every_row_about_webhooks_is_what_their_status_comes_to(posted, code, kind) -> None:
    assert posted(int(code.replace("x", "9"))) is kind


@pytest.mark.parametrize(
    "table",
    [SMTP, MAIL_API, classes.MAILGUN, classes.POSTMARK, classes.RESEND, PUSH, WEBHOOK],
    ids=["smtp", "mail_api", "mailgun", "postmark", "resend", "push", "webhook"],
)
def test_every_row_says_where_it_is_from(table) -> None:
    assert [row for row in table.rows if len(row.source) < 4] == []


def test_exceptions_in_the_table_are_exceptions_of_anymail() -> None:
    named = {code for code, _ in first_rows(MAIL_API) if code.startswith("Anymail")}
    assert len(named) == 4
    assert {name for name in named if not hasattr(anymail.exceptions, name)} == set()


@pytest.mark.parametrize(
    ("step", "answer", "kind"),
    [
        ("RCPT", "421 Closing", TRANSIENT),
        ("RCPT", "450 4.2.0 Greylisted", TRANSIENT),
        ("RCPT", "451 4.7.1 Later", TRANSIENT),
        ("RCPT", "452 4.2.2 Mailbox full", TRANSIENT),
        ("RCPT", "454 4.7.0 No login just now", TRANSIENT),
        ("RCPT", "499 4.9.9 Made up", TRANSIENT),
        ("RCPT", "599 5.9.9 Made up", MESSAGE),
        ("RCPT", "550 5.2.2 Mailbox full", MESSAGE),
        ("RCPT", "551 5.1.6 Moved", ADDRESS),
        ("RCPT", "553 5.1.3 Bad syntax", ADDRESS),
        ("RCPT", "556 5.1.10 Null MX", ADDRESS),
        ("RCPT", "556 Takes no mail", ADDRESS),
        ("RCPT", "450 4.1.1 Not sure who that is", TRANSIENT),
        ("RCPT", "535 5.7.8 Log in again", ACCOUNT),
        ("RCPT", "550 5.7.515 Access denied", ACCOUNT),
        ("RCPT", "554 5.7.1 We do not relay", ACCOUNT),
        ("RCPT", "451 4.7.1 We do not relay yet", TRANSIENT),
        ("CONNECT", "521 Takes no mail", ACCOUNT),
        ("MAIL", "538 5.7.11 Encrypt", ACCOUNT),
        ("DATA", "554 5.6.1 Media not supported", MESSAGE),
        (".", "550 5.7.1 Looks like spam", MESSAGE),
        (".", "554 5.6.0 Malformed", MESSAGE),
        (".", "550 5.7.509 Fails DMARC", ACCOUNT),
        (".", "550 5.7.23 Fails SPF", ACCOUNT),
    ],
)
def test_a_mail_server_s_answer_says_whose_fault_it_is(mailer, smtp, step, answer, kind) -> None:
    smtp.on(step, answer)
    assert one(mailer()).kind is kind


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (204, OutcomeKind.ACCEPTED),
        (307, TRANSIENT),
        (401, ACCOUNT),
        (403, ACCOUNT),
        (404, ADDRESS),
        (406, TRANSIENT),
        (410, ADDRESS),
        (413, MESSAGE),
        (418, MESSAGE),
        (429, TRANSIENT),
        (500, TRANSIENT),
        (503, TRANSIENT),
        (599, TRANSIENT),
    ],
)
def test_a_push_service_s_answer_says_whose_fault_it_is(pushed, status, kind) -> None:
    assert pushed(status) is kind


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "SendingPausedException", ACCOUNT),
        (400, "AccountSuspendedException", ACCOUNT),
        (400, "MailFromDomainNotVerifiedException", ACCOUNT),
        (400, "ThrottlingException", TRANSIENT),
        (429, "TooManyRequestsException", TRANSIENT),
        (400, "MessageRejected", MESSAGE),
        (503, "ServiceUnavailable", TRANSIENT),
    ],
)
def test_amazon_says_by_a_code_what_its_status_does_not(status, code, kind) -> None:
    assert refused_by_ses(status, code) is kind


def test_settings_say_what_an_answer_means(mailer, smtp, mailed, pushed, posted) -> None:
    smtp.on("RCPT", "550 5.7.1 Try again tomorrow")
    assert one(mailer(classes={"RCPT 550 5.7.1": "transient"})).kind is TRANSIENT
    assert mailed(409, classes={"409": "transient"}) is TRANSIENT
    assert pushed(400, classes={"400": "account"}) is ACCOUNT
    assert posted(404, classes={"404": "refused_address"}) is ADDRESS
    assert refused_by_ses(400, "OnHold", classes={"OnHold": "account"}) is ACCOUNT


def test_how_patient_a_mail_server_wants_us_to_be_is_a_name_that_is_known(settings) -> None:
    def configured(**options: str) -> str:
        entry = {**settings.DELIVERY_PROVIDERS["email"], "OPTIONS": options}
        settings.DELIVERY_PROVIDERS = {**settings.DELIVERY_PROVIDERS, "email": entry}
        return registry.traits("email").patience

    assert (configured(), configured(patience="smtp")) == ("", "smtp")
    with pytest.raises(ValueError, match="patience must be one of smtp, webhook"):
        DjangoEmail(alias="email", patience="saint")
