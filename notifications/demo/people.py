"""Three customers of the shop, on addresses that belong to nobody (RFC 2606, numbers for drama)."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone

from delivery import channels
from delivery.channels import ChannelSpec
from delivery.simulation import DOMAIN
from notifications.demo.content import ACTOR
from preferences import addresses, consent, devices, mirror, people, topics
from preferences.consent import Said
from preferences.models import Category, Recipient, Topic
from preferences.wanted import Wanted

# Of the example in RFC 8291: keys that nobody's browser has.
_KEYS = {
    "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcx"
    "aOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
    "auth": "BTBZMqHH6r4Tts7J_aSIgg",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """A person as the shop would tell us of them."""

    user_id: str
    name: str
    email: str
    phone: str
    locale: str
    timezone: str
    wants_offers: bool = False
    topics: tuple[str, ...] = ()


CUSTOMERS = (
    Customer(
        user_id="customer-1001",
        name="Sam Gardener",
        email="sam.gardener@example.com",
        phone="+447700900101",
        locale="en",
        timezone="Europe/London",
        wants_offers=True,
        topics=("gardening_tips",),
    ),
    Customer(
        user_id="customer-1002",
        name="Kim Balcony",
        email="kim.balcony@example.org",
        phone="+12025550143",
        locale="en",
        timezone="America/New_York",
    ),
    Customer(
        user_id="customer-1003",
        name="Toni Terrasse",
        email="toni.terrasse@example.net",
        phone="+4917139200011",
        locale="de",
        timezone="Europe/Berlin",
        wants_offers=True,
    ),
)
FIRST = CUSTOMERS[0].user_id
CONSENT = {
    "en": "Write to me about plants that are back, new in or reduced.",
    "de": "Schreibt mir, was wieder da, neu oder reduziert ist.",
}


def make() -> int:
    """Make who is missing, with a browser, a phone, a webhook and a chat each; gives how many."""
    there = set(Recipient.objects.values_list("user_id", flat=True))
    missing = [one for one in CUSTOMERS if one.user_id not in there]
    for one in missing:
        _make(one)
    return len(missing)


def make_admin(name: str, password: str) -> bool:
    """Make who may do everything; whoever is there keeps their own password."""
    accounts = get_user_model().objects
    if accounts.filter(username=name).exists():
        return False
    accounts.create_superuser(name, password=password)
    return True


def link(name: str) -> bool:
    """Let an account be the first customer too, so that a login shows an inbox that is theirs."""
    account = get_user_model().objects.filter(username=name, recipient=None).first()
    first = Recipient.objects.filter(user_id=FIRST, account=None).first()
    if account is None or first is None:
        return False
    first.account = account
    first.save(update_fields=["account"])
    mirror.keep([first.pk])
    return True


@transaction.atomic
def _make(customer: Customer) -> None:
    now = timezone.now()
    wanted = Wanted.of(
        customer.user_id,
        name=customer.name,
        email=customer.email,
        phone=customer.phone,
        locale=customer.locale,
        timezone=customer.timezone,
    )
    (person,) = people.upsert([wanted], now=now)
    for spec, value, kind in _devices(customer.user_id):
        reach = addresses.normalise(spec, value, kind=kind)
        devices.register(person.id, reach, label=spec.label, actor=ACTOR, now=now)
    for topic in Topic.objects.filter(key__in=customer.topics):
        topics.subscribe(topic.pk, [customer.user_id], actor=ACTOR, source="import")
    if customer.wants_offers:
        category = Category.objects.get(key="offers")
        said = Said(
            category_id=category.id,
            given=True,
            source="import",
            text=CONSENT[customer.locale],
            locale=customer.locale,
        )
        consent.record(person.subject, [said])


def _devices(user_id: str) -> list[tuple[ChannelSpec, Any, str]]:
    """Devices whose addresses say `simulator-delivered`: nothing to them ever leaves."""
    url = f"https://{DOMAIN}/simulator-delivered/{user_id}"
    return [
        (channels.WEB_PUSH, {"endpoint": f"{url}/push", "keys": _KEYS}, ""),
        (channels.MOBILE_PUSH, f"simulator-delivered:{user_id}", "fcm"),
        (channels.WEBHOOK, f"{url}/hook", ""),
        (channels.CHAT, f"{url}/chat", ""),
    ]
