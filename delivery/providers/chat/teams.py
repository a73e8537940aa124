"""Microsoft Teams: what webhooks of Workflows take, and what they answer.

After "Create incoming webhooks with Workflows for Microsoft Teams", "Send Adaptive Cards using an
Incoming Webhook", "Rate limiting for connectors" and the schema of Adaptive Cards.
"""

import re
from functools import partial
from typing import Any, Final

from delivery.providers.chat.reading import Reading
from delivery.providers.chat.wording import Said, fit, in_brackets, linked, within
from delivery.providers.http import object_in
from delivery.providers.texts import packed
from notifysite.plumbing.http import OutboundResponse

# Bytes of the whole. Microsoft names about 28 KB, and counts more than what we post.
LARGEST: Final = 20_000
LONGEST_TITLE: Final = 300
LONGEST_LABEL: Final = 80

_MARKUP = re.compile(r"([\\*_~`\[\]])")
# Connectors say 200 and put what Teams said into the text.
_INSIDE = re.compile(rb"returned HTTP error (\d{3})")
_CODE = re.compile(r"[A-Za-z]{1,60}")


def payload(said: Said) -> dict[str, Any]:
    """An Adaptive Card in the envelope of a message; it has no entities, so it mentions nobody."""

    def fits(text: str) -> bool:
        return len(packed(_envelope(said, text))) <= LARGEST

    return _envelope(said, fit(said.text, fits, write=_lines))


def escape(text: str) -> str:
    """Text in which nothing is markup."""
    return _MARKUP.sub(r"\\\1", text)


def read(answer: OutboundResponse) -> Reading:
    """Mostly nothing is said; errors are JSON, or a sentence with the status that Teams gave."""
    inside = _INSIDE.search(answer.body)
    status = int(inside[1]) if inside else answer.status
    error = object_in(answer.body).get("error")
    if not isinstance(error, dict):
        return Reading(status=status)
    code = str(error.get("code"))
    words = [code] if _CODE.fullmatch(code) else []
    if "'Deleted'" in str(error.get("message")):
        words.append("deleted")
    return Reading(status=status, words=tuple(words))


def _envelope(said: Said, text: str) -> dict[str, Any]:
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": _body(said, text),
        "actions": [
            {"type": "Action.OpenUrl", "title": _label(one.label), "url": one.url}
            for one in said.actions
        ],
    }
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": card,
    }
    return {"type": "message", "attachments": [attachment]}


def _body(said: Said, text: str) -> list[dict[str, Any]]:
    title = fit(said.title, within(LONGEST_TITLE), write=escape)
    body: list[dict[str, Any]] = []
    if title:
        named = f"[{title}]({in_brackets(said.url)})" if said.url else title
        body.append(
            {"type": "TextBlock", "text": named, "weight": "Bolder", "size": "Medium", "wrap": True}
        )
    if text:
        body.append({"type": "TextBlock", "text": text, "wrap": True})
    if said.image:
        body.append({"type": "Image", "url": said.image, "altText": said.title[:LONGEST_TITLE]})
    return body


def _link(url: str) -> str:
    return f"[{escape(url)}]({in_brackets(url)})"


def _lines(text: str) -> str:
    # One line break alone is none in a card's markup.
    return re.sub(r"\n+", "\n\n", linked(text, escape=escape, link=_link))


_label = partial(fit, fits=within(LONGEST_LABEL), write=str)
