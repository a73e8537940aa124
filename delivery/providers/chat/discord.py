"""Discord: what its webhooks take, and what they answer.

After "Webhook Resource", "Message Resource" (embed limits, allowed mentions, flags) and "Rate
Limits" of Discord's developer documentation.
"""

import math
import re
from functools import partial
from typing import Any, Final

from delivery.providers.chat.reading import Reading
from delivery.providers.chat.wording import Said, fit, in_brackets, linked, within
from delivery.providers.http import object_in
from notifysite.plumbing.http import OutboundResponse

# Of an embed; together less than the 6000 that all of it may have.
LONGEST_TITLE: Final = 256
LONGEST_TEXT: Final = 4096
LONGEST_LINKS: Final = 2500
LONGEST_LABEL: Final = 80
SUPPRESS_NOTIFICATIONS: Final = 1 << 12

_MARKUP = re.compile(r"([\\*_~`|>\[\]()#<@:-])")


def endpoint(url: str) -> str:
    """Where to post: without `wait` a message that is not kept would look as if it were."""
    return f"{url}{'&' if '?' in url else '?'}wait=true"


def payload(said: Said) -> dict[str, Any]:
    """An embed that mentions nobody; only applications may send buttons, so actions are links."""
    links = _links(said)
    embed = {
        "title": fit(said.title, within(LONGEST_TITLE), write=escape),
        "description": fit(said.text, within(LONGEST_TEXT), write=partial(_described, links=links)),
        "url": said.url,
        "image": {"url": said.image} if said.image else None,
    }
    return {
        "embeds": [{name: part for name, part in embed.items() if part}],
        "allowed_mentions": {"parse": []},
        **({"flags": SUPPRESS_NOTIFICATIONS} if said.silent else {}),
    }


def escape(text: str) -> str:
    """Text in which nothing is markup or a mention."""
    return _MARKUP.sub(r"\\\1", text)


def read(answer: OutboundResponse) -> Reading:
    """JSON: the message that was made, or an error with a code."""
    found = object_in(answer.body)
    code, made = found.get("code"), found.get("id")
    if isinstance(code, int):
        words: tuple[str, ...] = (str(code)[:20],)
    else:
        words = ("message",) if isinstance(made, str) else ()
    return Reading(
        status=answer.status,
        words=words,
        ref=made if isinstance(made, str) else "",
        retry_after=_seconds(found.get("retry_after")),
    )


def _links(said: Said) -> str:
    links = ""
    for one in said.actions:
        label = fit(one.label, within(LONGEST_LABEL), write=escape)
        longer = " · ".join(filter(None, (links, f"[{label}]({in_brackets(one.url)})")))
        links = longer if within(LONGEST_LINKS)(longer) else links
    return links


def _described(text: str, *, links: str) -> str:
    # A URL in the text becomes a link by itself.
    return "\n\n".join(filter(None, (linked(text, escape=escape, link=str), links)))


def _seconds(given: Any) -> float | None:
    """What to wait for, finer than the header says it."""
    is_number = isinstance(given, int | float) and not isinstance(given, bool)
    return float(given) if is_number and math.isfinite(given) and given >= 0 else None
