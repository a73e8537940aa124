"""Make, list and revoke the API keys of services."""

from argparse import ArgumentParser
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_slug
from django.utils import timezone

from notifications.models import ApiKey, Service
from notifications.services import keys
from notifications.words import Mode
from notifysite.plumbing.problems import Problem

ACTOR = "shell"


class Command(BaseCommand):
    """A new key is printed once, alone on standard output: KEY=$(manage.py api_key create …)."""

    help = "Make, list and revoke API keys."

    def add_arguments(self, parser: ArgumentParser) -> None:
        deeds = parser.add_subparsers(dest="deed", required=True)
        create = deeds.add_parser("create", help="make a key and print it, this once")
        create.add_argument("--service", required=True, help="key of the service, as in: shop")
        create.add_argument(
            "--create-service", action="store_true", help="make the service if there is none"
        )
        create.add_argument("--mode", choices=[m.name.lower() for m in Mode], required=True)
        create.add_argument("--name", required=True, help="what the key is for")
        create.add_argument(
            "--scope",
            action="append",
            dest="scopes",
            help=f"may be repeated; one of {', '.join(keys.SCOPES)}; "
            f"without it: {', '.join(keys.DEFAULT_SCOPES)}",
        )
        create.add_argument("--days", type=int, help="how long the key works; without it: forever")
        listing = deeds.add_parser("list", help="show keys, newest first, without their secrets")
        listing.add_argument("--service", help="only keys of this service")
        revoke = deeds.add_parser("revoke", help="end a key")
        revoke.add_argument("prefix", help="as `list` shows it: ntf_live_k3v9m2x7q1zd")

    def handle(self, *args: Any, **options: Any) -> None:
        deeds: dict[str, Callable[..., None]] = {
            "create": self._create,
            "list": self._list,
            "revoke": self._revoke,
        }
        try:
            deeds[options["deed"]](**options)
        except Problem as problem:
            raise CommandError(problem.detail) from problem

    def _create(
        self,
        *,
        service: str,
        create_service: bool,
        mode: str,
        name: str,
        scopes: list[str] | None,
        days: int | None,
        **_: Any,
    ) -> None:
        if create_service:
            _make_service(service)
        issued = keys.issue(
            _service(service),
            mode=Mode[mode.upper()],
            name=name,
            scopes=keys.DEFAULT_SCOPES if scopes is None else scopes,
            expires_at=None if days is None else timezone.now() + timedelta(days=days),
            actor=ACTOR,
        )
        self.stderr.write("Keep it now: it is not stored and cannot be shown again.")
        self.stdout.write(issued.secret)

    def _list(self, *, service: str | None, **_: Any) -> None:
        rows = ApiKey.objects.select_related("service").order_by("-id")
        if service is not None:
            rows = rows.filter(service=_service(service))
        for key in rows:
            used = "never used" if key.last_used_at is None else f"used {_day(key.last_used_at)}"
            facts = [keys.label(key), key.service.key, _state(key), used, ",".join(key.scopes)]
            self.stdout.write("\t".join([*facts, key.name]))

    def _revoke(self, *, prefix: str, **_: Any) -> None:
        key = keys.find(prefix)
        if key is None:
            raise CommandError(f"There is no key {_shown(prefix)}; `api_key list` shows all.")
        if not keys.revoke(key, actor=ACTOR):
            raise CommandError(f"{keys.label(key)} was revoked on {_day(key.revoked_at)} already.")
        self.stdout.write(f"{keys.label(key)} is revoked, within five seconds everywhere.")


def _service(key: str) -> Service:
    service = Service.objects.filter(key=key).first()
    if service is None:
        known = ", ".join(Service.objects.values_list("key", flat=True)) or "none yet"
        raise CommandError(
            f"There is no service {key} (there are: {known}); create it with --create-service."
        )
    return service


def _make_service(key: str) -> None:
    try:
        validate_slug(key)
    except ValidationError as error:
        raise CommandError("Name a service by letters, digits, - and _, as in: shop") from error
    Service.objects.get_or_create(key=key, defaults={"name": key.capitalize()})


def _state(key: ApiKey) -> str:
    if key.revoked_at is not None:
        return f"revoked {_day(key.revoked_at)}"
    if key.expires_at is None:
        return "live"
    word = "expires" if key.expires_at > timezone.now() else "expired"
    return f"{word} {_day(key.expires_at)}"


def _day(at: Any) -> str:
    return f"{at:%Y-%m-%d}"


def _shown(text: str) -> str:
    # Whoever pastes a whole key by mistake must not find it again in a log.
    return "_".join(text.split("_")[:3])
