"""Providers that the environment alone configures: one `Offer` each.

A provider is there as soon as one of its variables is. Then all of `needs` must be: what is missing
is named by `manage.py check`, and the provider is left out.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A provider under its alias; `needs` and `may` name the variable of each of its OPTIONS."""

    alias: str
    channel: str
    backend: str
    needs: Mapping[str, str]
    may: Mapping[str, str] = field(default_factory=dict)

    @property
    def variables(self) -> list[str]:
        """All that may be set for it."""
        return [*self.needs.values(), *self.may.values()]


@dataclass(frozen=True, slots=True)
class Taken:
    """What is configured: entries of DELIVERY_PROVIDERS by alias, and for those that are not quite,
    the variables that are missing."""

    providers: Mapping[str, dict[str, Any]]
    gaps: Mapping[str, Sequence[str]]


def take(offers: Sequence[Offer], read: Callable[[str], str]) -> Taken:
    """Those of which any variable is set; `read` gives what one is set to, or nothing."""
    providers: dict[str, dict[str, Any]] = {}
    gaps: dict[str, list[str]] = {}
    for offer in offers:
        given = {name: value for name in offer.variables if (value := read(name))}
        if not given:
            continue
        if missing := [name for name in offer.needs.values() if name not in given]:
            gaps[offer.alias] = missing
            continue
        options = {
            option: given[name]
            for option, name in {**offer.needs, **offer.may}.items()
            if name in given
        }
        entry = {"BACKEND": offer.backend, "CHANNELS": [offer.channel], "OPTIONS": options}
        providers[offer.alias] = entry
    return Taken(providers, gaps)


_MAIL = "delivery.providers.email.services"

# In the order in which a channel prefers them, unless the Route table says otherwise.
OFFERS: Sequence[Offer] = (
    Offer(
        alias="fcm",
        channel="mobile_push",
        backend="delivery.providers.fcm.Fcm",
        needs={"service_account": "FCM_SERVICE_ACCOUNT"},
        may={
            "project": "FCM_PROJECT",
            "icon": "FCM_ANDROID_ICON",
            "channel_id": "FCM_ANDROID_CHANNEL",
            "click_action": "FCM_ANDROID_CLICK_ACTION",
            "url": "FCM_URL",
        },
    ),
    Offer(
        alias="apns",
        channel="mobile_push",
        backend="delivery.providers.apns.Apns",
        needs={
            "key": "APNS_KEY",
            "key_id": "APNS_KEY_ID",
            "team_id": "APNS_TEAM_ID",
            "topic": "APNS_TOPIC",
        },
        may={"url": "APNS_URL", "ca_file": "APNS_CA_FILE"},
    ),
    Offer(
        alias="twilio",
        channel="sms",
        backend="delivery.providers.twilio.Twilio",
        needs={"account_sid": "TWILIO_ACCOUNT_SID", "auth_token": "TWILIO_AUTH_TOKEN"},
        may={
            "sender": "TWILIO_FROM",
            "messaging_service": "TWILIO_MESSAGING_SERVICE_SID",
            "senders": "TWILIO_SENDERS",
            "api_key": "TWILIO_API_KEY",
            "api_secret": "TWILIO_API_SECRET",
            "answers": "TWILIO_ANSWERS",
            "url": "TWILIO_URL",
        },
    ),
    Offer(
        alias="vonage",
        channel="sms",
        backend="delivery.providers.vonage.Vonage",
        needs={
            "application_id": "VONAGE_APPLICATION_ID",
            "private_key": "VONAGE_PRIVATE_KEY",
            "sender": "VONAGE_FROM",
        },
        may={
            "signature_secret": "VONAGE_SIGNATURE_SECRET",
            "senders": "VONAGE_SENDERS",
            "answers": "VONAGE_ANSWERS",
            "url": "VONAGE_URL",
        },
    ),
    Offer(
        alias="sns",
        channel="sms",
        backend="delivery.providers.sns.Sns",
        needs={"region": "SNS_SMS_REGION"},
        may={
            "access_key_id": "SNS_SMS_ACCESS_KEY_ID",
            "secret_access_key": "SNS_SMS_SECRET_ACCESS_KEY",
            "sender": "SNS_SMS_FROM",
            "senders": "SNS_SMS_SENDERS",
            "url": "SNS_SMS_URL",
        },
    ),
    Offer(
        alias="postmark",
        channel="email",
        backend=f"{_MAIL}.Postmark",
        needs={"server_token": "POSTMARK_SERVER_TOKEN"},
        may={
            "webhook_user": "POSTMARK_WEBHOOK_USER",
            "webhook_password": "POSTMARK_WEBHOOK_PASSWORD",
            "message_stream": "POSTMARK_MESSAGE_STREAM",
            "api_url": "POSTMARK_API_URL",
        },
    ),
    Offer(
        alias="ses",
        channel="email",
        backend=f"{_MAIL}.AmazonSes",
        needs={"region": "SES_REGION"},
        may={
            "access_key_id": "SES_ACCESS_KEY_ID",
            "secret_access_key": "SES_SECRET_ACCESS_KEY",
            "configuration_set": "SES_CONFIGURATION_SET",
            "topic_arns": "SES_TOPIC_ARNS",
            "api_url": "SES_API_URL",
        },
    ),
    Offer(
        alias="mailgun",
        channel="email",
        backend=f"{_MAIL}.Mailgun",
        needs={"api_key": "MAILGUN_API_KEY"},
        may={
            "sender_domain": "MAILGUN_SENDER_DOMAIN",
            "signing_key": "MAILGUN_SIGNING_KEY",
            "webhook_user": "MAILGUN_WEBHOOK_USER",
            "webhook_password": "MAILGUN_WEBHOOK_PASSWORD",
            "api_url": "MAILGUN_API_URL",
        },
    ),
    Offer(
        alias="resend",
        channel="email",
        backend=f"{_MAIL}.Resend",
        needs={"api_key": "RESEND_API_KEY"},
        may={
            "signing_secret": "RESEND_SIGNING_SECRET",
            "api_url": "RESEND_API_URL",
        },
    ),
    Offer(
        alias="brevo",
        channel="email",
        backend=f"{_MAIL}.Brevo",
        needs={"api_key": "BREVO_API_KEY"},
        may={
            "webhook_user": "BREVO_WEBHOOK_USER",
            "webhook_password": "BREVO_WEBHOOK_PASSWORD",
            "webhook_token": "BREVO_WEBHOOK_TOKEN",
            "api_url": "BREVO_API_URL",
        },
    ),
    Offer(
        alias="sendgrid",
        channel="email",
        backend=f"{_MAIL}.SendGrid",
        needs={"api_key": "SENDGRID_API_KEY"},
        may={
            "public_key": "SENDGRID_PUBLIC_KEY",
            "api_url": "SENDGRID_API_URL",
        },
    ),
)
