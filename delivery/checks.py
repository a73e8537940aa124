"""What must be right before anything is sent: `manage.py check` says what is not, and what to do.

E001 route to a provider that is not there    E005 SECRET_KEY missing or short
E002 route to one that cannot carry it        E006 the database may lose what it confirmed
E003 provider that cannot be built            W001 channel without a provider
E004 encryption keys missing or malformed     W002 DEBUG on a public address
E007 VAPID keys that are no pair              W003 push services cannot reach the operator
E008 THROTTLE malformed or contradictory      I001 email reaches only the outbox
E009 variables of a provider are missing      I002 so do browser notifications
                                              I003 so do messages of another channel
                                              I004 a provider's news cannot be believed
"""

from collections.abc import Iterator, Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connections

from delivery import channels, registry, throttle
from delivery.contracts import Feature
from delivery.errors import Misconfigured
from notifysite.plumbing import crypto, vapid

TAG = "notifysite"
SHORTEST_SECRET = 50
_HOW_TO_MAKE_ONE = 'python -c "import secrets; print(secrets.token_urlsafe(50))"'


def install() -> None:
    """Let Django run these checks."""
    for check in CHECKS:
        register(check, TAG)
    register(durability, TAG, Tags.database)


def routes(**_: Any) -> list[CheckMessage]:
    """Every route names configured providers that carry its channel."""
    known = {spec.key for spec in channels.every()}
    found: list[CheckMessage] = [
        Error(
            f"DELIVERY_ROUTES has a route for {key!r}, which is no channel.",
            hint=f"Channels are: {', '.join(sorted(known))}. Add yours to EXTRA_CHANNELS.",
            id="notifysite.E001",
        )
        for key in settings.DELIVERY_ROUTES
        if key not in known
    ]
    for spec in channels.every():
        found += _of_channel(spec)
    return found


def _of_channel(spec: channels.ChannelSpec) -> Iterator[CheckMessage]:
    route = settings.DELIVERY_ROUTES.get(spec.key, [])
    usable = registry.aliases(spec)
    for alias in route:
        if alias not in settings.DELIVERY_PROVIDERS:
            yield Error(
                f"The route of {spec.key} names the provider {alias!r}, which is not configured.",
                hint=f"Add it to DELIVERY_PROVIDERS, or name one of: {_listed(usable)}.",
                id="notifysite.E001",
            )
        elif alias not in usable:
            yield Error(
                f"The route of {spec.key} names the provider {alias!r}, which does not carry it.",
                hint=f"Add {spec.key!r} to its CHANNELS, or name one of: {_listed(usable)}.",
                id="notifysite.E002",
            )
    if not route:
        yield Warning(
            f"No provider carries {spec.key}: its messages are skipped as no_provider.",
            hint=f"Name one in DELIVERY_ROUTES[{spec.key!r}]: {_listed(usable)}.",
            id="notifysite.W001",
        )
    if registry.SIMULATOR in route and (offered := _offered(spec)):
        yield Info(
            f"{spec.label} messages go to the outbox, not to people.",
            hint=f"Set {offered}.",
            id="notifysite.I003",
        )
    if spec == channels.EMAIL and registry.SIMULATOR in route:
        yield Info(
            "Email goes to the outbox, not to people.",
            hint="Set EMAIL_URL, for example smtp+tls://user:password@mail.example.com:587, or the "
            "variables of a mail service: docs/providers/README.md.",
            id="notifysite.I001",
        )


def _offered(spec: channels.ChannelSpec) -> str:
    """The variables of each provider that would carry a channel."""
    ways = [
        " and ".join(offer["NEEDS"])
        for offer in settings.DELIVERY_OFFERS.values()
        if spec.key in offer["CHANNELS"] and spec not in (channels.EMAIL, channels.WEB_PUSH)
    ]
    return "; or ".join(ways)


def gaps(**_: Any) -> list[CheckMessage]:
    """Who sets one variable of a provider sets all that it needs."""
    return [
        Error(
            f"The provider {alias!r} is left out: {', '.join(missing)} is not set.",
            hint="Set it, also as NAME_FILE, or unset all variables of this provider.",
            id="notifysite.E009",
        )
        for alias, missing in settings.DELIVERY_GAPS.items()
    ]


def _listed(aliases: Sequence[str]) -> str:
    return ", ".join(aliases) or "none is configured"


def providers(**_: Any) -> list[CheckMessage]:
    """Every configured provider can be built."""
    found: list[CheckMessage] = []
    for alias in settings.DELIVERY_PROVIDERS:
        try:
            registry.get(alias)
        except Misconfigured as error:
            found.append(
                Error(
                    f"DELIVERY_PROVIDERS cannot be used: {error}.",
                    hint="BACKEND must be importable and take what stands in OPTIONS.",
                    id="notifysite.E003",
                )
            )
    return found


def news(**_: Any) -> list[CheckMessage]:
    """A provider that can say what became of a message is listened to."""
    return [
        Info(
            f"What the provider {alias!r} tells of its messages is not believed.",
            hint="docs/providers/ names the variables by which its calls are known; it calls "
            f"{settings.PUBLIC_URL.rstrip('/')}/hooks/{alias}/, where it must be able to reach us.",
            id="notifysite.I004",
        )
        for alias in settings.DELIVERY_PROVIDERS
        if hasattr(taker := _built(alias), "hear")
        and Feature.RECEIPTS in taker.features
        and not registry.traits(alias).reports
    ]


def _built(alias: str) -> Any:
    try:
        return registry.get(alias)
    except Misconfigured:  # E003 says so
        return None


def throttles(**_: Any) -> list[CheckMessage]:
    """Every THROTTLE can be read, and the aliases of one account have the same."""
    found: list[CheckMessage] = []
    accounts: dict[str, tuple[str, throttle.Bucket]] = {}
    for alias in settings.DELIVERY_PROVIDERS:
        try:
            bucket = throttle.bucket_of(alias)
        except Misconfigured as error:
            found.append(_throttle_error(f"{error}."))
            continue
        if bucket is None:
            continue
        first, same = accounts.setdefault(bucket.account, (alias, bucket))
        if bucket != same:
            found.append(
                _throttle_error(
                    f"The providers {first!r} and {alias!r} share the account {bucket.account!r} "
                    "and throttle it differently."
                )
            )
    return found


def _throttle_error(said: str) -> CheckMessage:
    return Error(
        said,
        hint='THROTTLE is {"per_second": 14, "burst": 28, "account": "ses-eu"}; burst and account '
        "may be left out, and all aliases of one account say the same.",
        id="notifysite.E008",
    )


def keys(**_: Any) -> list[CheckMessage]:
    """People's data can be encrypted, and what we hand out can be signed."""
    found: list[CheckMessage] = []
    try:
        crypto.check_keys()
    except crypto.KeyMissing as error:
        found.append(
            Error(
                str(error),
                hint="Keep the keys apart from the database's backups: without them no address "
                "can be read again.",
                id="notifysite.E004",
            )
        )
    if len(_secret_key()) < SHORTEST_SECRET:
        found.append(
            Error(
                f"SECRET_KEY has fewer than {SHORTEST_SECRET} characters.",
                hint=f"Make one with: {_HOW_TO_MAKE_ONE}",
                id="notifysite.E005",
            )
        )
    return found


def _secret_key() -> str:
    try:
        return str(settings.SECRET_KEY)
    except ImproperlyConfigured:  # Django's way to say that it is empty
        return ""


def public(**_: Any) -> list[CheckMessage]:
    """Error pages with our settings on them are not shown to the world."""
    if not (settings.DEBUG and _is_public()):
        return []
    return [
        Warning(
            "DEBUG is on, and PUBLIC_URL is a public address.",
            hint="Unset DEBUG: its error pages show settings and people's data.",
            id="notifysite.W002",
        )
    ]


def web_push(**_: Any) -> list[CheckMessage]:
    """Push services know us by a pair of keys and can reach us; a broken private key is E003."""
    given = settings.WEBPUSH_SETTINGS
    if not given["VAPID_PRIVATE_KEY"]:
        return [
            Info(
                "Browser notifications go to the outbox, not to people.",
                hint="Make keys with: manage.py vapid_keys. Set VAPID_PRIVATE_KEY.",
                id="notifysite.I002",
            )
        ]
    public_key = vapid.public_or_none(given["VAPID_PRIVATE_KEY"])
    found: list[CheckMessage] = []
    if public_key and given["VAPID_PUBLIC_KEY"].rstrip("=") != public_key:
        found.append(
            Error(
                "VAPID_PUBLIC_KEY and VAPID_PRIVATE_KEY are no pair: every push will be refused.",
                hint="Unset VAPID_PUBLIC_KEY: it follows from the private key.",
                id="notifysite.E007",
            )
        )
    # Apple answers 403 to a contact on localhost.
    if given["VAPID_ADMIN_EMAIL"].endswith("localhost") and _is_public():
        found.append(
            Warning(
                "VAPID_ADMIN_EMAIL is no address at which a push service can reach you.",
                hint="Set it to the operator's address; some push services refuse to take others.",
                id="notifysite.W003",
            )
        )
    return found


def _is_public() -> bool:
    return str(settings.PUBLIC_URL).startswith("https://")


CHECKS = (routes, providers, gaps, news, throttles, keys, public, web_push)


def durability(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """What the database confirms outlives a crash: a 202 promises that."""
    found: list[CheckMessage] = []
    for alias in databases or ():
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            if _shown(alias, name) == "off":
                found.append(
                    Error(
                        f"PostgreSQL runs with {name}=off: it may lose what it has confirmed.",
                        hint=f"ALTER SYSTEM RESET {name}; SELECT pg_reload_conf(); and look at "
                        "the options of the role, the database and DATABASE_URL.",
                        id="notifysite.E006",
                    )
                )
    return found


def _shown(alias: str, name: str) -> str:
    try:
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT current_setting(%s)", [name])
            return str(cursor.fetchone()[0])
    except OperationalError:  # whoever needs the database says so better than a check can
        return ""
