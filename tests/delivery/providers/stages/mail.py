"""The worlds around mail services with an API."""

from contextlib import ExitStack
from typing import Any, ClassVar

import pytest

from delivery.contracts import Message
from notifysite.settings import offers
from tests.delivery.providers.messages import message
from tests.delivery.providers.stages.base import Day, HttpStage
from tests.fakes.mail import brevo, mailgun, postmark, resend, sendgrid, ses
from tests.fakes.mail.base import MailService
from tests.fakes.service import DROP, Reply

_INACTIVE = (
    "Found inactive addresses: ann@example.com.\nInactive recipients are ones that have generated "
    "a hard bounce or a spam complaint."
)


class MailStage(HttpStage):
    """A mail service, configured by its variables alone."""

    fake: ClassVar[type[MailService]]

    def __init__(self, request: pytest.FixtureRequest, settings: Any, closing: ExitStack) -> None:
        self.service = closing.enter_context(self.fake())
        found = offers.take(offers.OFFERS, lambda name: self.service.environment().get(name, ""))
        settings.DELIVERY_PROVIDERS = {**settings.DELIVERY_PROVIDERS, **found.providers}

    def message(self) -> Message:
        return message()


class PostmarkStage(MailStage):
    """Postmark, which knows whom it will not write to."""

    fake = postmark.Postmark
    secrets = (postmark.TOKEN, postmark.PASSWORD)
    answers: ClassVar[dict[Day, Any]] = {
        Day.REFUSED: postmark.no(422, 300, "Invalid 'Subject'."),
        Day.BUSY: Reply(429, {}, headers={"Retry-After": "30"}),
        Day.ADDRESS_GONE: postmark.no(422, 406, _INACTIVE),
        Day.ACCOUNT_REFUSED: postmark.no(422, 405, "You ran out of credits."),
        Day.ANSWER_LOST: DROP,
    }


class SesStage(MailStage):
    """Amazon SES, which takes letters to any address, and tells later."""

    fake = ses.Ses
    secrets = (ses.SECRET_KEY,)
    days = frozenset(Day) - {Day.ADDRESS_GONE}
    answers: ClassVar[dict[Day, Any]] = {
        Day.REFUSED: ses.no(400, "MessageRejected", "Not to ann@example.com."),
        Day.BUSY: ses.no(429, "TooManyRequestsException", "Maximum sending rate exceeded."),
        Day.ACCOUNT_REFUSED: ses.no(400, "SendingPausedException", "Sending is paused."),
        Day.ANSWER_LOST: DROP,
    }


class MailgunStage(MailStage):
    """Mailgun, which takes letters to any address, and tells later."""

    fake = mailgun.Mailgun
    secrets = (mailgun.KEY, mailgun.SIGNING_KEY, mailgun.PASSWORD)
    days = frozenset(Day) - {Day.ADDRESS_GONE}
    answers: ClassVar[dict[Day, Any]] = {
        Day.REFUSED: mailgun.no(400, "Need at least one of 'text' or 'html'."),
        Day.BUSY: Reply(429, {"message": "Too many requests"}),
        Day.ACCOUNT_REFUSED: mailgun.no(404, "Domain not found: acme.test"),
        Day.ANSWER_LOST: DROP,
    }


class ResendStage(MailStage):
    """Resend, which takes letters to any address, and tells later."""

    fake = resend.Resend
    secrets = (resend.KEY, resend.SECRET)
    days = frozenset(Day) - {Day.ADDRESS_GONE}
    answers: ClassVar[dict[Day, Any]] = {
        Day.REFUSED: resend.no(422, "validation_error", "Invalid `html` field."),
        Day.BUSY: resend.no(409, "concurrent_idempotent_requests", "It is under way."),
        Day.ACCOUNT_REFUSED: resend.no(422, "invalid_from_address", "Invalid `from` field."),
        Day.ANSWER_LOST: DROP,
    }


class BrevoStage(MailStage):
    """Brevo, which takes letters to any address, and tells later."""

    fake = brevo.Brevo
    secrets = (brevo.KEY, brevo.PASSWORD)
    days = frozenset(Day) - {Day.ADDRESS_GONE}
    answers: ClassVar[dict[Day, Any]] = {
        Day.REFUSED: brevo.no(400, "invalid_parameter", "htmlContent is not valid"),
        Day.BUSY: Reply(429, {"code": "too_many_requests"}),
        Day.ACCOUNT_REFUSED: brevo.no(402, "not_enough_credits", "You have no credits."),
        Day.ANSWER_LOST: DROP,
    }


class SendGridStage(MailStage):
    """SendGrid, which takes letters to any address, and tells later."""

    fake = sendgrid.SendGrid
    secrets = (sendgrid.KEY,)
    days = frozenset(Day) - {Day.ADDRESS_GONE}
    answers: ClassVar[dict[Day, Any]] = {
        Day.REFUSED: sendgrid.no(413, "The payload is too large."),
        Day.BUSY: sendgrid.no(429, "too many requests"),
        Day.ACCOUNT_REFUSED: sendgrid.no(403, "The from address is no verified Sender Identity."),
        Day.ANSWER_LOST: DROP,
    }
