"""All providers that call back. A new one adds a class in a file of its own, listed here."""

from tests.delivery.hooks.callers.acme import AcmeCaller
from tests.delivery.hooks.callers.base import Caller, Posted, Told, Wrote
from tests.delivery.hooks.callers.brevo import BrevoCaller, BrevoTokenCaller
from tests.delivery.hooks.callers.mailgun import MailgunCaller
from tests.delivery.hooks.callers.postmark import PostmarkCaller
from tests.delivery.hooks.callers.resend import ResendCaller
from tests.delivery.hooks.callers.sendgrid import SendGridCaller
from tests.delivery.hooks.callers.ses import SesCaller
from tests.delivery.hooks.callers.twilio import TwilioCaller
from tests.delivery.hooks.callers.vonage import VonageCaller

__all__ = ["CALLERS", "Caller", "Posted", "Told", "Wrote"]

CALLERS: list[type[Caller]] = [
    AcmeCaller,
    BrevoCaller,
    BrevoTokenCaller,
    MailgunCaller,
    PostmarkCaller,
    ResendCaller,
    SendGridCaller,
    SesCaller,
    TwilioCaller,
    VonageCaller,
]
