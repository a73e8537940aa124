"""What each channel takes of what an editor wrote: pure functions from sources to sources.

One content serves every channel that can show it. Push, in-app, webhook and chat take the fields of
their ChannelSpec as they are. An SMS is lines: title, body, link. A mail is a letter: the title is
its subject and stands above the body, actions are buttons, and the link is written out.
"""

from collections.abc import Mapping
from typing import Any, Final

from delivery.channels import EMAIL, SMS, by_key
from notifications.rendering.email import Button, Letter

_URLS: Final = ("url", "image", "icon")


def absolute(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content with each link that begins with / led to the site of `brand.url`."""
    found = {name: _led(text) if name in _URLS else text for name, text in content.items()}
    if "actions" in content:
        found["actions"] = [{**one, "url": _led(one["url"])} for one in content["actions"]]
    return found


def _led(url: str) -> str:
    return "{{ brand.url | origin }}" + url if of_site(url) else url


def of_site(url: str) -> bool:
    """Whether the source of a link names a place of the site itself, such as /orders/1."""
    return url.startswith("/") and not url.startswith(("//", "/\\"))


def texts(channel: str, content: Mapping[str, Any]) -> dict[str, str]:
    """Return the Liquid source of each part of a channel's message, but for email's html."""
    given = {name: text for name, text in content.items() if name != "actions" and text}
    if channel == EMAIL.key:
        parts = {"subject": given.get("subject") or given.get("title", "")}
        return parts | {name: given[name] for name in ("preheader", "text") if name in given}
    if channel == SMS.key:
        lines = (given.get("title", ""), given.get("body", ""), given.get("url", ""))
        return {"text": given.get("text") or "\n".join(line for line in lines if line)}
    given["text"] = given.get("body") or given.get("text", "")
    given["title"] = given.get("title") or given.get("subject", "")
    shown = ("text" if name == "body" else name for name in by_key(channel).fields)
    return {name: given[name] for name in shown if given.get(name)}


def actions(channel: str, content: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the actions that a channel's message carries beside its parts; a mail's are in it."""
    shown = channel != EMAIL.key and "actions" in by_key(channel).fields
    return [dict(action) for action in content.get("actions", ())] if shown else []


def letter(content: Mapping[str, Any], *, layout: str, locale: str) -> Letter:
    """Return what a mail is made of."""
    return Letter(
        body=content.get("body") or content.get("text", ""),
        layout=layout,
        preheader=content.get("preheader", ""),
        heading=content.get("title", ""),
        image=content.get("image", ""),
        buttons=tuple(Button(one["label"], one["url"]) for one in content.get("actions", ())),
        url=content.get("url", ""),
        locale=locale,
    )
