"""The worlds around our providers, by the dotted path of each.

A new provider adds a class in a file of its own, listed here, with the days that can happen to it.
`arrange(day)` makes the world so, once, and returns a message that meets it.
"""

from tests.delivery.providers.stages.apns import ApnsStage
from tests.delivery.providers.stages.base import Day, HttpStage, Stage
from tests.delivery.providers.stages.chat import DiscordStage, SlackStage, TeamsStage
from tests.delivery.providers.stages.email import EmailStage
from tests.delivery.providers.stages.fcm import FcmStage
from tests.delivery.providers.stages.mail import (
    BrevoStage,
    MailgunStage,
    PostmarkStage,
    ResendStage,
    SendGridStage,
    SesStage,
)
from tests.delivery.providers.stages.ours import InboxStage, SandboxStage
from tests.delivery.providers.stages.sns import SnsStage
from tests.delivery.providers.stages.twilio import TwilioStage
from tests.delivery.providers.stages.vonage import VonageStage
from tests.delivery.providers.stages.webhook import WebhookStage
from tests.delivery.providers.stages.webpush import WebPushStage

__all__ = ["ALSO", "STAGES", "Day", "HttpStage", "Stage"]

STAGES: dict[str, type[Stage]] = {
    "delivery.providers.chat.Chat": SlackStage,
    "delivery.providers.email.DjangoEmail": EmailStage,
    "delivery.providers.apns.Apns": ApnsStage,
    "delivery.providers.fcm.Fcm": FcmStage,
    "delivery.providers.webhook.Webhook": WebhookStage,
    "delivery.providers.sns.Sns": SnsStage,
    "delivery.providers.twilio.Twilio": TwilioStage,
    "delivery.providers.vonage.Vonage": VonageStage,
    "delivery.providers.email.services.AmazonSes": SesStage,
    "delivery.providers.email.services.Brevo": BrevoStage,
    "delivery.providers.email.services.Mailgun": MailgunStage,
    "delivery.providers.email.services.Postmark": PostmarkStage,
    "delivery.providers.email.services.Resend": ResendStage,
    "delivery.providers.email.services.SendGrid": SendGridStage,
    "delivery.providers.webpush.WebPush": WebPushStage,
    "delivery.sandbox.Sandbox": SandboxStage,
    "delivery.inbox.provider.Inbox": InboxStage,
}

# What else a provider speaks to that is in STAGES with one service.
ALSO: dict[str, dict[str, type[Stage]]] = {
    "delivery.providers.chat.Chat": {"discord": DiscordStage, "teams": TeamsStage},
}
