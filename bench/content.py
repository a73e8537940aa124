"""The letter that every contender sends, each in its own way: a subject, HTML of 1.5 KB, a text."""

from collections.abc import Mapping
from string import Template
from typing import Any

SENDER = "shop@example.com"
SUPPRESSED_EVERY = 100  # people, of whom one is on the suppression list
SUBJECT = "$name, your order $order has left us"
HTML = """<!doctype html><html><body style="font-family:sans-serif;color:#222">
<h1 style="font-size:20px">Hello $name,</h1>
<p>your order <b>$order</b> has left us today by $carrier. Its weight is $weight kg, and it
should be with you within two working days. {% if $heavy %}Somebody has to help carry it
upstairs.{% else %}It fits through most letter boxes.{% endif %}</p>
<p style="margin:0 0 12px;line-height:1.5">You can follow the parcel all the way. Where nobody is
at home it waits for a week in the shop around the corner, and a card in the letter box says which
one that is. You may also name a neighbour, or a place where it may be left, until the morning of
the day on which it comes.</p>
<p style="margin:0 0 12px;line-height:1.5">Should something be missing or broken, send it back
within thirty days: the label is in the box, and the money is on its way the day the parcel
arrives here.</p>
<p style="margin:0 0 12px;line-height:1.5">Thank you for buying from us. We pack with paper only,
and the boxes are made from what our neighbours throw away; please do throw this one to the paper,
too.</p>
<p><a href="$preferences">What we may write about</a> ·
<a href="$unsubscribe">No such letters any more</a></p>
</body></html>"""
TEXT = """Hello $name,

your order $order has left us today by $carrier. Its weight is $weight kg, and it should be with
you within two working days.

What we may write about: $preferences
No such letters any more: $unsubscribe
"""
LIQUID = {
    "name": "{{ recipient.name | default: 'friend' }}",
    "order": "{{ data.order }}",
    "carrier": "{{ data.carrier }}",
    "weight": "{{ data.weight }}",
    "heavy": "data.weight > 20",
    "preferences": "{{ links.preferences }}",
    "unsubscribe": "{{ links.unsubscribe }}",
}
DJANGO = {
    **{name: "{{ %s }}" % name for name in LIQUID},  # noqa: UP031 - braces of both kinds
    "heavy": "weight > 20",
}


def words(names: Mapping[str, str]) -> dict[str, str]:
    """Subject, body and text as templates of a language that writes the names in its own way."""
    parts = {"subject": SUBJECT, "body": HTML, "text": TEXT}
    return {part: Template(said).substitute(names) for part, said in parts.items()}


def address(number: int) -> str:
    """Where a person is written to."""
    return f"p{number}@example.com"


def name(number: int) -> str:
    """What a person is called."""
    return f"Ann {number}"


def data(number: int) -> dict[str, Any]:
    """What their order is about."""
    return {"order": f"A-{number:06d}", "carrier": "Green Bicycles", "weight": number % 50}


def context(number: int) -> dict[str, Any]:
    """All that a peer's template wants, with links about as long as the product's."""
    link = f"http://127.0.0.1:8000/u/{number:064x}/"
    return {**data(number), "name": name(number), "preferences": link, "unsubscribe": link}


def is_suppressed(number: int) -> bool:
    """Whether a person's address is on the suppression list."""
    return number % SUPPRESSED_EVERY == SUPPRESSED_EVERY - 1


def written_to(number: int, *, first: int = 0) -> int:
    """How many of so many people from `first` on are not."""
    return sum(not is_suppressed(one) for one in range(first, first + number))
