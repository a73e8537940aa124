"""Try a provider: one message, by hand, with all that is said on the way."""

import json
from argparse import ArgumentParser
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from delivery import channels, registry, trial
from delivery.channels import ChannelSpec, UnknownChannel
from delivery.contracts import Content, Message, Outcome
from delivery.errors import Misconfigured
from delivery.lifecycle import OutcomeKind
from delivery.models import Suppression
from delivery.models.suppression import SuppressionReason
from notifysite.plumbing import hooksigning, ids
from preferences import addresses
from preferences.addresses import AddressInvalid, Reach
from preferences.models import Recipient

_TAKEN = (OutcomeKind.ACCEPTED, OutcomeKind.DELIVERED)


class Command(BaseCommand):
    """manage.py send_test sms --provider twilio --to +491701234567"""

    help = (
        "Hand one test message to one provider and show each step: the settings, the request with "
        "its secrets masked, the answer, and what it would mean. It passes by the queue, quiet "
        "hours and choices; nothing of it is kept."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The channel, the provider, the address."""
        parser.add_argument("channel", help=", ".join(spec.key for spec in channels.every()))
        parser.add_argument("--provider", required=True, help="an alias of DELIVERY_PROVIDERS")
        parser.add_argument(
            "--to",
            required=True,
            help="an address; of a browser, its subscription as JSON; in-app, a user id",
        )
        parser.add_argument(
            "--user", default="", help="the user id of the person it is for, where one is needed"
        )
        parser.add_argument("--kind", default="", help="of a phone's token: fcm or apns")
        parser.add_argument("--text", default="This is a test. Nothing is to be done.")
        parser.add_argument(
            "--suppressed", action="store_true", help="send although the address is suppressed"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Show each step; fails where the message was not taken."""
        spec = self._spec(options["channel"])
        self._show_provider(options["provider"], spec)
        user = options["user"] if spec.addressed else options["to"]
        message = _message(spec, recipient=self._person(user), text=options["text"])
        if spec.addressed:
            reach = self._reach(spec, options["to"], options["kind"])
            self._show_suppression(reach, anyway=options["suppressed"])
            message = replace(message, address=reach.value)
        if spec is channels.WEBHOOK:
            message = replace(message, secrets=(self._secret(),))
        self._show(self._hand_over(options["provider"], message))

    def _spec(self, key: str) -> ChannelSpec:
        try:
            return channels.by_key(key)
        except UnknownChannel as error:
            raise CommandError(str(error)) from None

    def _show_provider(self, alias: str, spec: ChannelSpec) -> None:
        there = registry.aliases(spec)
        if alias not in there:
            raise CommandError(
                f"No provider {alias!r} carries {spec.key}; there are: {', '.join(there) or 'none'}"
            )
        self._step(f"Provider {alias}", settings.DELIVERY_PROVIDERS[alias]["BACKEND"])
        for name, value in trial.options_of(alias).items():
            self.stdout.write(f"  {name} = {value}")
        try:
            registry.get(alias)
        except Misconfigured as error:
            raise CommandError(f"It cannot be used: {error}.") from None

    def _person(self, user: str) -> int:
        if not user:
            return 0
        found = Recipient.objects.filter(user_id=user).first()
        if found is None:
            raise CommandError(f"There is nobody with the user id {user!r}.")
        return found.pk

    def _reach(self, spec: ChannelSpec, to: str, kind: str) -> Reach:
        value = json.loads(to) if spec is channels.WEB_PUSH and _is_json(to) else to
        try:
            reach = addresses.normalise(spec, value, kind=kind, field="to")
        except AddressInvalid as error:
            raise CommandError(f"--{error.field}: {error.detail}") from None
        self._step("Address", f"fine, {len(reach.value)} characters in normal form")
        return reach

    def _secret(self) -> str:
        secret = hooksigning.new_secret()
        self._step("Secret", f"{secret}, which signs this message and no other")
        return secret

    def _show_suppression(self, reach: Reach, *, anyway: bool) -> None:
        row = Suppression.objects.filter(channel=reach.channel, address_hash=reach.hash).first()
        if row is None:
            self._step("Suppression", "none")
            return
        reason = SuppressionReason(row.reason).label
        self._step("Suppression", f"{reason}, by {row.source or 'nobody named'}")
        if not anyway:
            raise CommandError("It is suppressed; --suppressed sends all the same.")

    def _hand_over(self, alias: str, message: Message) -> Outcome:
        self._step("Hand-over", f"reference {message.reference}")
        return trial.run(alias, message, tell=self._indented)

    def _indented(self, text: str) -> None:
        self.stdout.write("".join(f"  {line}\n" for line in text.splitlines()))

    def _show(self, outcome: Outcome) -> None:
        name = outcome.kind.name.lower()
        self._step("Outcome", f"{name} after {outcome.took:.2f} s. {trial.MEANING[outcome.kind]}")
        for word, value in (
            ("code", outcome.code),
            ("detail", outcome.detail),
            ("their id", outcome.provider_ref),
            ("asked to wait, seconds", outcome.retry_after),
        ):
            if value:
                self.stdout.write(f"  {word}: {value}")
        if outcome.code == "erased":
            raise CommandError("This provider keeps messages for a person: name one by --user.")
        if outcome.kind not in _TAKEN:
            raise CommandError("It was not taken.")

    def _step(self, title: str, text: str) -> None:
        self.stdout.write(f"{self.style.MIGRATE_HEADING(title)}: {text}")


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _message(spec: ChannelSpec, *, recipient: int, text: str) -> Message:
    brand = settings.BRAND["name"]
    return Message(
        reference=ids.uuid7(),
        notification=ids.uuid7(),
        recipient=recipient,
        channel=spec.number,
        address="",
        content=Content(
            subject=f"A test by {brand}",
            title=f"A test by {brand}",
            text=text,
            html=f"<p>{text}</p>",
            url=str(settings.PUBLIC_URL),
        ),
        category="test",
        type="test",
        locale=settings.LANGUAGE_CODE,
    )
