"""Email through other backends of Django's mail API, anymail's with a real HTTP call."""

import socket
from collections.abc import Callable, Iterator

import pytest
from django.core import mail

from delivery.lifecycle import OutcomeKind
from delivery.providers.email import DjangoEmail
from tests.delivery.providers.messages import CONTENT, message, one, saying
from tests.fakes.mail.postmark import TOKEN, Postmark
from tests.fakes.service import DROP, HANG, Reply

BACKEND = "anymail.backends.postmark.EmailBackend"


@pytest.fixture
def api() -> Iterator[Postmark]:
    with Postmark() as service:
        yield service


@pytest.fixture
def mailer(api: Postmark) -> Iterator[Callable[..., DjangoEmail]]:
    made: list[DjangoEmail] = []

    def make(**options: object) -> DjangoEmail:
        connection = {
            "server_token": TOKEN,
            "api_url": f"{api.origin}/",
            **options.pop("connection", {}),
        }
        wanted = {"from_email": "hello@acme.test", "threads": 1, **options}
        made.append(DjangoEmail(alias="email", backend=BACKEND, connection=connection, **wanted))
        return made[-1]

    yield make
    for provider in made:
        provider.close()


def test_the_service_gets_the_message_with_our_id_and_its_own_comes_back(mailer, api) -> None:
    sealed = message(headers={"List-Id": "News <news.acme.test>"})
    outcome = one(mailer(), sealed)
    assert (outcome.kind, outcome.code, outcome.provider_ref) == (
        OutcomeKind.ACCEPTED,
        "sent",
        "pm-1",
    )
    taken = api.taken[0].json
    assert taken["To"] == "ann@example.com"
    assert taken["Subject"] == CONTENT.subject
    assert taken["TextBody"] == CONTENT.text
    assert taken["HtmlBody"] == CONTENT.html
    assert taken["Metadata"] == {"reference": str(sealed.reference)}
    headers = {header["Name"]: header["Value"] for header in taken["Headers"]}
    assert headers == {
        "List-Id": "News <news.acme.test>",
        "Message-ID": f"<{sealed.reference}@acme.test>",
        "Auto-Submitted": "auto-generated",
    }


def test_no_line_break_reaches_the_service(mailer, api) -> None:
    # Anymail leaves out the check that Django makes.
    one(mailer(), saying(subject="Hi\r\nBcc: bob@example.com"))
    assert api.taken[0].json["Subject"] == "Hi Bcc: bob@example.com"
    assert "Bcc" not in api.taken[0].json


@pytest.mark.parametrize(
    ("reply", "kind", "code"),
    [
        (Reply(status=401, body={}), OutcomeKind.ACCOUNT, "401"),
        (Reply(status=403, body={}), OutcomeKind.ACCOUNT, "403"),
        (Reply(status=400, body={}), OutcomeKind.REFUSED_MESSAGE, "400"),
        (Reply(status=413, body={}), OutcomeKind.REFUSED_MESSAGE, "413"),
        (Reply(status=429, body={}), OutcomeKind.TRANSIENT, "429"),
        (Reply(status=500, body={}), OutcomeKind.TRANSIENT, "500"),
        (Reply(status=503, body=b"<html>"), OutcomeKind.TRANSIENT, "503"),
        (Reply(status=304, body=b""), OutcomeKind.ACCOUNT, "304"),
        (Reply(status=200, body=b"<html>Welcome"), OutcomeKind.UNKNOWN, "200"),
        (Reply(status=200, body={"Hello": "you"}), OutcomeKind.UNKNOWN, "200"),
    ],
)
def test_each_status_says_what_to_do_next(mailer, api, reply, kind, code) -> None:
    api.on_call(reply)
    outcome = one(mailer())
    assert (outcome.kind, outcome.code) == (kind, code)


def test_the_service_may_ask_for_patience(mailer, api) -> None:
    api.on_call(Reply(status=429, body={}, headers={"Retry-After": "17"}))
    assert one(mailer()).retry_after == 17.0


def test_an_address_the_service_has_stopped_is_dead(mailer, api) -> None:
    said = (
        "Found inactive addresses: ann@example.com. Inactive recipients are ones that complained."
    )
    api.on_call(Reply(status=422, body={"ErrorCode": 406, "Message": said}))
    outcome = one(mailer())
    assert outcome.kind is OutcomeKind.REFUSED_ADDRESS
    assert "ann@example.com" not in outcome.detail


def test_a_service_that_says_nothing_of_the_person_leaves_us_in_doubt(mailer, api) -> None:
    api.on_call(Reply(status=200, body={"ErrorCode": 0, "Message": "OK", "MessageID": "pm-1"}))
    assert one(mailer()).kind is OutcomeKind.UNKNOWN


def test_an_address_that_is_not_the_person_s_does_not_make_theirs_dead(mailer, api) -> None:
    outcome = one(mailer(), message(headers={"Reply-To": "Acme, Inc. <hello@acme.test>"}))
    assert (outcome.kind, api.taken) == (OutcomeKind.REFUSED_MESSAGE, [])

    said = {"ErrorCode": 0, "Message": "OK", "MessageID": "pm-1", "To": "nobody"}
    api.on_call(Reply(status=200, body=said))
    assert one(mailer()).kind is OutcomeKind.REFUSED_MESSAGE


def test_what_the_service_says_is_kept_without_the_person(mailer, api) -> None:
    api.on_call(Reply(status=400, body={"Message": "Not to ann@example.com, never"}))
    assert one(mailer()).detail == '{"Message": "Not to …, never"}'


def test_a_service_that_cannot_be_reached_has_taken_nothing(mailer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        url = f"http://127.0.0.1:{gone.getsockname()[1]}/"
    outcome = one(mailer(connection={"api_url": url}))
    assert outcome.kind is OutcomeKind.TRANSIENT


@pytest.mark.parametrize("trouble", [DROP, HANG], ids=["drop", "hang"])
def test_an_answer_that_does_not_come_is_unknown(mailer, api, trouble) -> None:
    api.on_call(trouble)
    outcome = one(mailer(final_timeout=0.5))
    assert outcome.kind is OutcomeKind.UNKNOWN
    assert len(api.taken) == 1


def test_one_trouble_does_not_sink_the_other_messages(mailer, api) -> None:
    api.on_call(DROP)
    kinds = sorted(outcome.kind for outcome in mailer().send([message() for _ in range(4)]))
    assert kinds == [OutcomeKind.ACCEPTED] * 3 + [OutcomeKind.UNKNOWN]


def test_a_backend_that_is_not_configured_is_found_at_once() -> None:
    with pytest.raises(ValueError, match="POSTMARK_SERVER_TOKEN"):
        DjangoEmail(alias="email", backend=BACKEND)


def test_without_options_django_s_settings_hold(settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    settings.DEFAULT_FROM_EMAIL = "Acme <hello@acme.test>"
    mail.outbox = []
    outcome = one(DjangoEmail(alias="email"))
    assert outcome.kind is OutcomeKind.ACCEPTED
    assert [(each.from_email, each.to) for each in mail.outbox] == [
        ("Acme <hello@acme.test>", ["ann@example.com"])
    ]


def test_a_service_that_knows_no_metadata_gets_the_message_without(settings) -> None:
    settings.ANYMAIL = {"POSTAL_API_KEY": "key", "POSTAL_API_URL": "http://127.0.0.1:1/"}
    provider = DjangoEmail(alias="email", backend="anymail.backends.postal.EmailBackend")
    # It comes as far as the connection, which nobody takes.
    assert one(provider).kind is OutcomeKind.TRANSIENT
