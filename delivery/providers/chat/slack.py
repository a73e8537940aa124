"""Slack: what its incoming webhooks take, and what they answer.

After "Sending messages using incoming webhooks", "Block Kit" and "Formatting message text" of
docs.slack.dev.
"""

import re
from functools import partial
from typing import Any, Final

from delivery.providers.chat.reading import Reading
from delivery.providers.chat.wording import Said, fit, linked, within
from notifysite.plumbing.http import OutboundResponse

LONGEST_TEXT: Final = 3000  # of a text object
LONGEST_TITLE: Final = 900  # leaves room for a link of 2048 beside it
LONGEST_LABEL: Final = 75

_WORD = re.compile(rb"[a-z_]{1,60}")


def payload(said: Said) -> dict[str, Any]:
    """A section with the title, one with the text, the picture, and buttons."""
    title = fit(said.title, within(LONGEST_TITLE), write=escape)
    text = fit(said.text, within(LONGEST_TEXT), write=_linked)
    blocks = [_section(_titled(title, said.url))] if title else []
    if text:
        blocks.append(_section(text))
    if said.image:
        alt = fit(said.title, within(LONGEST_TITLE), write=str) or "…"
        blocks.append({"type": "image", "image_url": said.image, "alt_text": alt})
    if said.actions:
        buttons = [_button(one.label, one.url) for one in said.actions]
        blocks.append({"type": "actions", "elements": buttons})
    return {
        # What notifications show; the message itself is its blocks.
        "text": title or text,
        "blocks": blocks,
        "unfurl_links": False,
        "unfurl_media": False,
    }


def escape(text: str) -> str:
    """Text in which nothing is a mention or a link: both begin with <."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def read(answer: OutboundResponse) -> Reading:
    """One word of plain text says what it was."""
    word = answer.body.strip()
    known = _WORD.fullmatch(word) is not None
    return Reading(status=answer.status, words=(word.decode(),) if known else ())


def _link(url: str) -> str:
    return f"<{escape(url)}>"


_linked = partial(linked, escape=escape, link=_link)


def _titled(title: str, url: str) -> str:
    return f"*<{escape(url)}|{title}>*" if url else f"*{title}*"


def _section(text: str) -> dict[str, Any]:
    # Verbatim: names such as @channel and #general in the text stay text.
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def _button(label: str, url: str) -> dict[str, Any]:
    text = fit(label, within(LONGEST_LABEL), write=str)
    return {"type": "button", "text": {"type": "plain_text", "text": text}, "url": url}
