"""Show a message as a person would see it, in a frame that can do nothing.

What stands in a template is an editor's, what stands in its variables is anybody's: the response
is sandboxed without scripts, forms or an origin, loads nothing but images, and is told to no one.
"""

import json
from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from django.template.loader import render_to_string

from delivery import channels, segments
from delivery.tracking.rewriting import without_picture

POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src https: data:; "
    "frame-ancestors 'self'; form-action 'none'; base-uri 'none'"
)

_LOOKS: Mapping[int, str] = {
    channels.SMS.number: "sms",
    channels.WEB_PUSH.number: "push",
    channels.MOBILE_PUSH.number: "push",
    channels.IN_APP.number: "in_app",
    channels.CHAT.number: "chat",
}


def frame(channel: int, content: Mapping[str, Any]) -> HttpResponse:
    """The fields of `delivery.contracts.Content` as this channel shows them."""
    if channel == channels.EMAIL.number:
        html = without_picture(content.get("html") or "")
        return framed(html or _page("text", {"content": content}))
    look = _LOOKS.get(channel)
    if look is None:
        # By the names that editors know, as a webhook says it too.
        said = {"body" if name == "text" else name: part for name, part in content.items() if part}
        return framed(_page("plain", {"text": json.dumps(said, indent=2, ensure_ascii=False)}))
    phone = channel == channels.MOBILE_PUSH.number
    shown: dict[str, Any] = {"content": content, "phone": phone}
    if channel == channels.SMS.number:
        text = str(content.get("text", ""))
        forcing = [_visible(each) for each in segments.forcing(text)]
        shown |= {"counted": segments.count(text), "forcing": forcing}
    return framed(_page(look, shown))


def _visible(character: str) -> str:
    """Itself, or its number where there is nothing to see, such as of a no-break space."""
    return character if character.isprintable() else f"U+{ord(character):04X}"


def sorry(text: str) -> HttpResponse:
    """A frame that says why there is nothing to see."""
    return framed(_page("sorry", {"text": text}))


def framed(html: str) -> HttpResponse:
    """Any HTML, held."""
    return HttpResponse(
        html,
        headers={
            "Content-Security-Policy": POLICY,
            "X-Frame-Options": "SAMEORIGIN",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
        },
    )


def _page(look: str, context: dict[str, Any]) -> str:
    return render_to_string(f"delivery/look/{look}.html", context)
