"""What reaches every mail service, and what never does."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from delivery import registry
from delivery.contracts import Attachment
from delivery.lifecycle import OutcomeKind
from delivery.providers.email.services.base import MailService
from notifysite.settings import offers
from tests.delivery.providers.messages import CONTENT, message, one, saying
from tests.delivery.providers.stages import STAGES
from tests.delivery.providers.stages.mail import MailStage
from tests.fakes.mail.postmark import Postmark
from tests.fakes.service import Reply

STAGED = {
    offer.alias: stage
    for offer in offers.OFFERS
    if issubclass(stage := STAGES[offer.backend], MailStage)
}


@pytest.fixture(params=STAGED)
def alias(request) -> str:
    return request.param


@pytest.fixture
def stage(alias, request, settings) -> Iterator[MailStage]:
    with ExitStack() as closing:
        yield STAGED[alias](request, settings, closing)


@pytest.fixture
def provider(alias, stage) -> Iterator[MailService]:
    registry.reset()
    built = registry.get(alias)
    yield built
    built.close()
    registry.reset()


def test_no_line_break_reaches_a_service(provider, stage) -> None:
    sealed = saying(subject="Hi\r\nBcc: bob@example.com\u2028there")
    one(provider, sealed)
    (letter,) = stage.service.letters
    assert letter.subject == "Hi Bcc: bob@example.com there"
    assert "bcc" not in {name.lower() for name in letter.headers}


def test_a_header_keeps_to_its_line(provider, stage) -> None:
    one(provider, message(headers={"list-id": "News\r\n <news.acme.test>\x00"}))
    (letter,) = stage.service.letters
    headers = {name.lower(): value for name, value in letter.headers.items()}
    assert headers["list-id"] == "News  <news.acme.test>"


@pytest.mark.parametrize("name", ["Bcc", "X-Anything", "Subject", "List-Id\r\nBcc"])
def test_a_header_that_is_not_allowed_is_not_sent(provider, stage, name) -> None:
    outcome = one(provider, message(headers={name: "bob@example.com"}))
    assert outcome.kind is OutcomeKind.REFUSED_MESSAGE
    assert stage.service.taken == []


@pytest.mark.parametrize(
    "address", ["ann@example.com, bob@example.com", "Ann <ann@example.com>", "ann@example.com\n"]
)
def test_a_letter_has_one_reader(provider, stage, address) -> None:
    outcome = one(provider, message(address))
    assert outcome.kind is OutcomeKind.REFUSED_ADDRESS
    assert stage.service.taken == []


def test_a_domain_in_any_script_is_written_in_ascii(provider, stage) -> None:
    one(provider, message("ann@bücher.example"))
    (letter,) = stage.service.letters
    assert letter.to == "ann@xn--bcher-kva.example"


def test_a_mailbox_in_another_script_is_never_taken_for_another(provider, stage) -> None:
    outcome = one(provider, message("jörg@example.com"))
    took = [letter.to for letter in stage.service.letters]
    assert took == ["jörg@example.com"] or (not took and outcome.kind in _REFUSED), outcome


_REFUSED = (OutcomeKind.REFUSED_MESSAGE, OutcomeKind.REFUSED_ADDRESS)


def test_it_writes_the_same_letter_at_every_try(provider, stage) -> None:
    sealed = message(headers={"Feedback-ID": "news:news:1:notifysite"})
    one(provider, sealed)
    one(provider, sealed)
    ids = {
        name: {letter.headers[name] for letter in stage.service.letters}
        for name in stage.service.letters[0].headers
    }
    assert all(len(values) == 1 for values in ids.values())


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_credential_goes_where_an_answer_points(provider, stage, status) -> None:
    with Postmark() as elsewhere:
        headers = {"Location": f"{elsewhere.origin}/email"}
        stage.service.on_call(Reply(status, headers=headers))
        assert one(provider).kind is OutcomeKind.ACCOUNT
        assert elsewhere.taken == []


FILES = (
    Attachment(name='Grüße "7".pdf', content_type="application/pdf", content=bytes(range(256))),
    Attachment(name="table.csv", content_type="text/csv", content="a;ä\r\n1;2\r\n".encode()),
    Attachment(name="old.csv", content_type="text/csv", content=b"a;\xe4\r\n"),
)
NOT_UTF8 = "application/octet-stream"


def test_files_arrive_with_their_bytes_and_names(provider, stage) -> None:
    assert one(provider, message(attachments=FILES)).kind is OutcomeKind.ACCEPTED
    (letter,) = stage.service.letters
    assert (letter.text, letter.html) == (CONTENT.text, CONTENT.html)
    assert [(file.name, file.content) for file in letter.files] == [
        (file.name, file.content) for file in FILES
    ]
    types = {file.name: file.content_type for file in letter.files if file.content_type}
    assert types in (
        {},
        {FILES[0].name: FILES[0].content_type, "table.csv": "text/csv", "old.csv": NOT_UTF8},
    )


def test_what_is_too_large_for_a_service_is_not_sent(provider, stage, monkeypatch) -> None:
    # Megabytes of a real limit would take seconds.
    monkeypatch.setattr(type(provider), "most_bytes", 20_000)
    small = Attachment(name="a.pdf", content_type="application/pdf", content=bytes(13_000))
    assert one(provider, message(attachments=(small,))).kind is OutcomeKind.ACCEPTED
    outcome = one(provider, message(attachments=(small, small)))
    assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED_MESSAGE, "too_large")
    assert len(stage.service.letters) == 1


def test_each_service_says_how_large_a_mail_may_be(provider) -> None:
    assert 10 * 1024**2 <= provider.most_bytes <= 40 * 1024**2
