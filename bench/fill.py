"""Fill a database of the product through its own doors: `python -m bench.fill WHAT …`.

Run as a process of its own, with the product's settings; what the caller must know is printed as
one line of JSON.
"""

import argparse
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import django
from django.core.management import call_command
from django.db import connection, transaction

from bench import content

AT_A_TIME = 1000


def tables() -> dict[str, Any]:
    """Migrate, and make types and a key: `parcel` goes by the bulk lane, `receipt` and `bell` by
    the default one."""
    from delivery import channels
    from notifications.catalog.publish import say
    from notifications.words import Priority
    from tests import factories

    call_command("migrate", verbosity=0)
    by = [channels.EMAIL.number, channels.SMS.number, channels.IN_APP.number]
    category = factories.make_category("orders", default_channels=by)
    said = {"category": category, "words": {"email": content.words(content.LIQUID)}}
    email = [{"channel": "email"}]
    for key, priority in (("parcel", Priority.LOW), ("receipt", Priority.NORMAL)):
        kind = factories.make_type(key, steps=email, priority=priority, **said)
        say(kind, "email", "de", content.words(content.LIQUID), actor="bench")
    factories.make_type("bell", steps=[{"channel": "in_app"}], category=category)
    factories.make_type(
        "text", steps=[{"channel": "sms"}], category=category, priority=Priority.LOW
    )
    return {"key": factories.make_key().secret}


def people(number: int) -> dict[str, Any]:
    """So many people with a name, an email, a phone and a language; every other has chosen email,
    one in a hundred is suppressed."""
    from preferences import people

    for batch in _batches(number):
        with transaction.atomic():
            found = people.upsert([_wanted(one) for one in batch], now=datetime.now(UTC))
        _choose([one.id for one in found[::2]])
        _suppress([content.address(one) for one in batch if content.is_suppressed(one)])
    _settle()
    return {}


def _wanted(number: int) -> Any:
    from preferences.wanted import Wanted

    return Wanted.of(
        f"p{number}",
        name=content.name(number),
        email=content.address(number),
        phone=f"+4930{number:08d}",
        locale=("en", "de")[number % 2],
    )


def _choose(recipients: list[int]) -> None:
    from delivery import channels
    from preferences.models import Category, Choice

    said = {"category": Category.objects.get(key="orders"), "channel": channels.EMAIL.number}
    Choice.objects.bulk_create(
        Choice(recipient_id=one, enabled=True, source="person", **said) for one in recipients
    )


def _suppress(addresses: list[str]) -> None:
    from delivery import channels
    from delivery.models import Suppression
    from delivery.models.suppression import SuppressionReason
    from preferences.addresses import normalise

    Suppression.objects.bulk_create(
        Suppression(
            channel=channels.EMAIL.number,
            address_hash=normalise(channels.EMAIL, address).hash,
            reason=SuppressionReason.HARD_BOUNCE,
        )
        for address in addresses
    )


def orders(number: int, *, first: int, type: str, key: str, wait: float) -> dict[str, Any]:
    """Have a bulk accept take one notification for each of so many people from `first` on, to be
    sent `wait` seconds from now at the earliest; tells when that is, in seconds of the epoch."""
    from notifications.intake import bulk

    caller = _caller(key)
    start = datetime.now(UTC) + timedelta(seconds=wait)
    for batch in _batches(number, first=first):
        asked = [
            {
                "type": type,
                "to": f"p{one}",
                "data": content.data(one),
                "send_at": start.isoformat(),
            }
            for one in batch
        ]
        items = bulk.read_bulk({"notifications": asked}, caller)
        outcomes = bulk.accept_all(items, caller=caller)
        refused = [one for one in outcomes if isinstance(one, Exception)]
        assert not refused, refused[0]
    _settle("notification", "recipient")
    return {"start": start.timestamp(), "late": (datetime.now(UTC) - start).total_seconds()}


def _caller(key: str) -> Any:
    from notifications.services import keys
    from notifications.services.authentication import keyring

    token = keys.parse(key)
    assert token is not None
    return keyring.look_up(token).caller


def subscribers(number: int, *, key: str) -> dict[str, Any]:
    """So many people who are subscribed to a topic, and a send to all of them that is accepted."""
    from notifications.intake.accept import accept
    from notifications.intake.request import read_send
    from tests import factories

    topic = factories.make_topic("news")
    factories.subscribe_a_crowd(topic, number)
    _settle()
    body = {"type": "parcel", "to": {"topic": topic.key}, "data": content.data(1)}
    accept(read_send(body), caller=_caller(key))
    return {}


def tokens(number: int) -> dict[str, Any]:
    """What so many people log in with."""
    from preferences.authentication import issue_token
    from preferences.models import Recipient

    found = Recipient.objects.order_by("id")[:number].values_list("user_id", "subject")
    now = datetime.now(UTC)
    return {"tokens": {name: issue_token(subject, now=now)[0] for name, subject in found}}


def _batches(number: int, *, first: int = 0) -> Iterator[range]:
    for start in range(first, first + number, AT_A_TIME):
        yield range(start, min(start + AT_A_TIME, first + number))


def _settle(*tables: str) -> None:
    """What autovacuum would have done by now."""
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {', '.join(tables)}" if tables else "VACUUM (ANALYZE)")


def main() -> None:
    """Do what the words ask for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["tables", "people", "orders", "subscribers", "tokens"])
    parser.add_argument("number", type=int, nargs="?", default=0)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--type", default="parcel")
    parser.add_argument("--key", default="")
    parser.add_argument("--wait", type=float, default=0.0, help="seconds until they may be sent")
    asked = vars(parser.parse_args())
    what, number = asked.pop("what"), asked.pop("number")
    django.setup()
    if what == "tables":
        told = tables()
    elif what == "orders":
        told = orders(number, **asked)
    elif what == "subscribers":
        told = subscribers(number, key=asked["key"])
    else:
        told = {"people": people, "tokens": tokens}[what](number)
    print(json.dumps(told))


if __name__ == "__main__":
    main()
