"""Trying a provider by hand: manage.py send_test."""

import base64
import io
import json

import pytest
from django.core.management import CommandError, call_command

from delivery.channels import EMAIL
from delivery.models import Attempt, Delivery, InboxItem, OutboxMessage, Suppression
from delivery.models.suppression import SuppressionReason
from notifysite.plumbing.crypto import new_data_key
from notifysite.settings import offers
from preferences import addresses
from preferences.models import Recipient
from tests.delivery.providers.stages.base import offered
from tests.fakes import apns_service, aws, fcm_service
from tests.fakes.apns_service import ApnsService
from tests.fakes.chat_services import PLACES, Discord
from tests.fakes.fcm_service import FcmService
from tests.fakes.mail.postmark import PASSWORD, TOKEN, Postmark
from tests.fakes.mail.ses import SECRET_KEY, Ses
from tests.fakes.push_service import PushService
from tests.fakes.service import Reply
from tests.fakes.smtp import SmtpServer
from tests.fakes.sns_sms import SnsApi
from tests.fakes.webhook_receiver import WebhookReceiver

pytestmark = pytest.mark.django_db

ANN = "ann@example.com"


@pytest.fixture
def push(settings):
    with PushService(key=settings.WEBPUSH_SETTINGS["VAPID_PUBLIC_KEY"]) as service:
        settings.OUTBOUND_ALLOWED_ORIGINS = [service.origin]
        yield service


def tried(*words: str) -> str:
    out = io.StringIO()
    call_command("send_test", *words, stdout=out, no_color=True)
    return out.getvalue()


def failed(*words: str) -> str:
    with pytest.raises(CommandError) as caught:
        tried(*words)
    return str(caught.value)


@pytest.fixture
def ann() -> Recipient:
    _, wrapped = new_data_key()
    return Recipient.objects.create(user_id="ann", data_key=wrapped)


def test_each_step_of_a_hand_over_is_shown_and_nothing_is_kept(push) -> None:
    browser = push.browser()
    shown = tried("web_push", "--provider", "webpush", "--to", browser.address)

    assert push.pushed[0].payload["body"] == "This is a test. Nothing is to be done."
    assert [line.split(":")[0] for line in shown.splitlines() if line[0] != " "] == [
        "Provider webpush",
        "Address",
        "Suppression",
        "Hand-over",
        "Outcome",
    ]
    assert "  HTTP 201" in shown.splitlines()
    assert "Outcome: accepted after" in shown
    assert (Delivery.objects.count(), Attempt.objects.count()) == (0, 0)


def test_no_secret_and_no_address_is_shown(push, settings) -> None:
    browser = push.browser()
    shown = tried("web_push", "--provider", "webpush", "--to", browser.address)

    assert settings.WEBPUSH_SETTINGS["VAPID_PRIVATE_KEY"] not in shown
    assert browser.endpoint not in shown
    assert json.loads(browser.address)["keys"]["auth"] not in shown
    assert "  Authorization: vapid [redacted]" in shown


def test_what_the_provider_refuses_fails_and_says_what_it_would_mean(push) -> None:
    out = io.StringIO()
    address = push.browser(answer=Reply(410)).address
    with pytest.raises(CommandError, match="It was not taken"):
        call_command("send_test", "web_push", "--provider", "webpush", "--to", address, stdout=out)
    assert "refused_address" in out.getvalue()
    assert "it would be suppressed" in out.getvalue()


def test_a_suppressed_address_is_left_alone_unless_asked(ann) -> None:
    reach = addresses.email(ANN)
    Suppression.objects.create(
        channel=EMAIL.number, address_hash=reach.hash, reason=SuppressionReason.COMPLAINT
    )
    command = ("email", "--provider", "sandbox", "--to", ANN, "--user", "ann")

    assert "--suppressed" in failed(*command)
    assert OutboxMessage.objects.count() == 0
    assert "Outcome: delivered" in tried(*command, "--suppressed")


def test_a_person_s_inbox_is_reached_by_their_user_id(ann) -> None:
    assert "Outcome: delivered" in tried("in_app", "--provider", "inbox", "--to", "ann")
    assert InboxItem.objects.get().recipient_id == ann.pk


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("fax", "--provider", "sandbox", "--to", "1"), "'fax' is not a channel"),
        (("sms", "--provider", "webpush", "--to", "+4917012345678"), "No provider 'webpush'"),
        (("sms", "--provider", "sandbox", "--to", "0170"), "--to: Must start with +"),
        (("web_push", "--provider", "webpush", "--to", "x"), "--to: Must be {endpoint"),
        (("in_app", "--provider", "inbox", "--to", "bob"), "nobody with the user id 'bob'"),
        (("email", "--provider", "sandbox", "--to", ANN), "name one by --user"),
    ],
)
def test_what_cannot_be_tried_says_what_to_do(words, said) -> None:
    assert said in failed(*words)


@pytest.mark.parametrize("alias", ["fcm", "apns"])
def test_trying_a_phone_shows_neither_token_nor_key_nor_login(settings, alias) -> None:
    with FcmService() as fcm, ApnsService() as apns:
        settings.OUTBOUND_ALLOWED_ORIGINS = [fcm.origin, apns.origin]
        service, token = {"fcm": (fcm, fcm.phone()), "apns": (apns, apns.device())}[alias]
        offered(settings, alias, **service.options)
        shown = tried("mobile_push", "--provider", alias, "--kind", alias, "--to", token)

    keys = [*fcm_service.private_key().splitlines(), *apns_service.key_file().splitlines()]
    secrets = [token, "ya29.", "eyJ", *(line[:12] for line in keys if "-" not in line)]
    assert [secret for secret in secrets if secret in shown] == []
    assert len(service.sent) == 1
    assert "Outcome: accepted" in shown


def test_a_webhook_is_signed_with_a_secret_that_is_shown(settings) -> None:
    with WebhookReceiver() as receiver:
        settings.OUTBOUND_ALLOWED_ORIGINS = [receiver.origin]
        receiver.on_call(Reply(204))
        shown = tried("webhook", "--provider", "webhook", "--to", receiver.url)

        receiver.secrets = [word.rstrip(",") for word in shown.split() if "whsec_" in word]
        (call,) = receiver.taken
        assert len(receiver.secrets) == 1
        assert receiver.verified(call)["type"] == "test"


def test_what_is_said_to_a_mail_service_is_shown_without_the_key(settings) -> None:
    with Postmark() as service:
        found = offers.take(offers.OFFERS, lambda name: service.environment().get(name, ""))
        settings.DELIVERY_PROVIDERS = {**settings.DELIVERY_PROVIDERS, **found.providers}
        shown = tried("email", "--provider", "postmark", "--to", ANN)

    lines = [line.strip() for line in shown.splitlines()]
    assert f"POST {service.origin}/email" in lines
    assert "HTTP 200" in lines
    (token,) = [line for line in lines if line.startswith("X-Postmark-Server-Token")]
    assert "[redacted]" in token
    assert [secret for secret in (ANN, TOKEN, PASSWORD) if secret in shown] == []
    assert len(service.letters) == 1


def test_what_is_said_to_amazon_ses_is_shown_without_key_and_person(settings) -> None:
    with Ses() as service:
        found = offers.take(offers.OFFERS, lambda name: service.environment().get(name, ""))
        settings.DELIVERY_PROVIDERS = {**settings.DELIVERY_PROVIDERS, **found.providers}
        shown = tried("email", "--provider", "ses", "--to", ANN)

    lines = [line.strip() for line in shown.splitlines()]
    assert f"POST {service.origin}/v2/email/outbound-emails" in lines
    assert {"HTTP 200", '{"MessageId": "ses-1"}', "To: [redacted]"} <= set(lines)
    (signed,) = [line for line in lines if line.startswith("Authorization: [redacted]")]
    assert signed.endswith("Signature=[redacted]")
    assert [secret for secret in (ANN, SECRET_KEY) if secret in shown] == []
    assert len(service.letters) == 1


@pytest.mark.parametrize("extensions", [("PIPELINING",), ()], ids=["pipelining", "plain"])
def test_what_is_said_to_a_mail_server_is_shown_without_login_and_person(
    settings, extensions
) -> None:
    with SmtpServer(extensions=(*extensions, "AUTH PLAIN")) as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.host, server.port
        settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "acme", "s3cr3t-pass"
        shown = tried("email", "--provider", "email", "--to", ANN)

    said = [line.strip() for line in shown.splitlines()]
    first = said.index(f"{server.host}:{server.port}, no TLS, with a login")
    heads = [line for line in said[first:] if line.startswith("C: ") or line[:3] == "S: "]
    assert "S: AUTH PLAIN" in heads
    commands = [line for line in heads if line.split()[1] in ("MAIL", "RCPT", "DATA", ".", "QUIT")]
    assert commands == [
        "C: MAIL FROM:<[redacted]>", "C: RCPT TO:<[redacted]>", "C: DATA", "C: .", "C: QUIT",
    ]  # fmt: skip
    assert "C: To: [redacted]" in heads
    assert [line[:6] for line in heads if line.startswith("S: 3")] == ["S: 354"]
    secrets = (ANN, "s3cr3t", base64.b64encode(b"\0acme\0s3cr3t-pass").decode())
    assert [secret for secret in secrets if secret in shown] == []
    assert len(server.letters) == 1


def test_what_is_signed_for_aws_is_shown_without_key_and_number(settings) -> None:
    with SnsApi() as service:
        settings.OUTBOUND_ALLOWED_ORIGINS = [service.origin]
        found = offers.take(offers.OFFERS, lambda name: service.environment().get(name, ""))
        settings.DELIVERY_PROVIDERS = {**settings.DELIVERY_PROVIDERS, **found.providers}
        shown = tried("sms", "--provider", "sns", "--to", "+491701234567")

    assert len(service.kept) == 1
    assert "Outcome: accepted" in shown
    assert "Action=Publish" in shown
    hidden = [aws.SECRET_KEY, "491701234567", service.taken[0].headers["Authorization"][-64:]]
    assert [secret for secret in hidden if secret in shown] == []


def test_the_webhook_of_a_chat_is_not_shown(settings) -> None:
    with Discord() as discord:
        settings.OUTBOUND_ALLOWED_ORIGINS, settings.CHAT_HOSTS = [discord.origin], PLACES
        shown = tried("chat", "--provider", "chat", "--to", discord.webhook)

    assert len(discord.said) == 1
    assert "  POST [redacted]?wait=true" in shown.splitlines()
    assert "s3cr3t" not in shown
