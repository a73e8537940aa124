"""What reaches every mail service, and what never does."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from delivery import registry
from delivery.lifecycle import OutcomeKind
from delivery.providers.email.services.base import MailService
from notifysite.settings import offers
from tests.delivery.providers.messages import message, one, saying
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
