"""What an editor should know before publishing: errors stop it, warnings do not."""

import re
from collections.abc import Iterator
from typing import Final

from delivery.channels import by_key
from notifications.rendering import limits
from notifications.rendering.compile import Source, is_channel, publish, shape_problems
from notifications.rendering.errors import (
    Level,
    Problem,
    SourceError,
    TemplateRejected,
    problem_at,
)
from notifications.rendering.guards import Need
from notifications.rendering.links import is_link, is_web
from notifications.rendering.liquid import parse
from notifications.rendering.markup import Piece, attributes, pieces
from notifications.rendering.swap import masked
from notifications.rendering.taken import of_site, texts
from notifications.rendering.variables import check, uses

CLIPPED_BYTES: Final = 102_400  # Gmail hides what comes after
_FORBIDDEN: Final = frozenset(
    {"script", "iframe", "object", "embed", "form", "input", "button", "base", "link", "applet",
     "frame", "frameset", "svg", "math", "textarea", "select"}
)  # fmt: skip
_WEB: Final = ("http://", "https://")
_LINKS: Final = frozenset({"href", "src", "background", "background-url", "action"})


def problems(
    channel: str, content: Source, *, layout: str = "", marketing: bool = False
) -> list[Problem]:
    """Return everything to know about one channel's content, errors first."""
    found = shape_problems(content)
    if not is_channel(channel):
        found.append(_plain("error", "channel", f"There is no channel {channel}."))
    if found:
        return found
    found += _empty(channel, content)
    found += _sources(channel, content, layout)
    if channel == "email":
        found += _markup(content.get("body", ""), "body")
        found += _markup(layout, "layout") if layout else []
    if not any(problem.level == "error" for problem in found):
        found += _compiled(channel, content, layout, marketing=marketing)
    return sorted(dict.fromkeys(found), key=lambda problem: problem.level)


def _plain(level: Level, where: str, message: str) -> Problem:
    return Problem(level=level, where=where, message=message)


def _empty(channel: str, content: Source) -> Iterator[Problem]:
    parts = texts(channel, content)
    if channel == "email":
        parts["text"] = content.get("body") or content.get("text", "")
    for name in by_key(channel).required:
        if not parts.get("text" if name == "body" else name, "").strip():
            yield _plain("error", name, "This is empty.")


def _sources(channel: str, content: Source, layout: str) -> Iterator[Problem]:
    for name, source in content.items():
        if name != "actions":
            yield from check(source, where=name)
            yield from _address(name, source)
    for index, action in enumerate(content.get("actions", ())):
        for key, source in action.items():
            yield from check(source, where=f"actions[{index}].{key}")
        yield from _address("url", action["url"], where=f"actions[{index}].url")
    if channel == "email" and layout:
        # The slots are filled at publish: here they are no variables.
        for problem in check(layout, where="layout"):
            if not problem.message.startswith(("There is no variable content;",
                                               "There is no variable preheader;")):  # fmt: skip
                yield problem


def _address(name: str, source: str, *, where: str = "") -> Iterator[Problem]:
    if name not in ("url", "image", "icon") or not source or of_site(source):
        return
    begun, liquid, _ = source.partition("{")
    if not (not begun or begun.startswith(_WEB) if liquid else is_web(source)):
        message = "This must be a full http:// or https:// address, or begin with / for your site."
        yield _plain("error", where or name, message)


def _markup(source: str, where: str) -> Iterator[Problem]:
    """Yield what no email should hold, whoever wrote it."""
    try:
        flat = masked(source).flat
        for piece in pieces(flat):
            if piece.kind != "open":
                continue
            if piece.name in _FORBIDDEN:
                message = f"{piece.name} cannot be used in an email."
                yield problem_at(source, piece.start, where=where, message=message, level="error")
            yield from _attributes(source, flat, piece, where)
    except SourceError as error:
        yield problem_at(source, error.index, where=where, message=error.message, level="error")


def _attributes(source: str, flat: str, piece: Piece, where: str) -> Iterator[Problem]:
    names = set()
    for attribute in attributes(flat, piece):
        names.add(attribute.name)
        message = ""
        value = flat[attribute.start : attribute.end].strip()
        if attribute.name.startswith("on"):
            message = f"{attribute.name} is script, which no email may hold."
        elif attribute.name in _LINKS and value and not _harmless(value):
            message = "A link must begin with http://, https://, mailto: or tel:."
        if message:
            yield problem_at(source, attribute.start, where=where, message=message, level="error")
    if piece.name in ("img", "mj-image") and "alt" not in names:
        message = "Say in alt what the image shows; leave it empty if it only decorates."
        yield problem_at(source, piece.start, where=where, message=message, level="warning")


def _harmless(value: str) -> bool:
    return value.startswith(("\ue000", "#", "cid:")) or is_link(value.replace("\ue000", "x"))


def _compiled(channel: str, content: Source, layout: str, *, marketing: bool) -> Iterator[Problem]:
    try:
        compiled = publish(content, channels=[channel], layout=layout)
    except TemplateRejected as error:
        yield from error.problems
        return
    parts = compiled["channels"][channel]["parts"]
    if len(parts.get("html", "").encode("utf-8", "replace")) > CLIPPED_BYTES:
        yield _plain("warning", "body", "Gmail clips mails of more than 102 kB.")
    if channel == "sms" and "<" in parts["text"] and any(
        piece.kind == "open" for piece in pieces(masked(parts["text"]).flat)
    ):  # fmt: skip
        yield _plain("warning", "body", "An SMS shows HTML tags as they are written.")
    if marketing:
        yield from _law(channel, parts)


def _law(channel: str, parts: dict[str, str]) -> Iterator[Problem]:
    """CAN-SPAM: a way out and a postal address in every commercial email, seen by everybody."""
    if channel == "email":
        for part in ("html", "text"):
            where = "body" if part == "html" else "text"
            for path, what in (
                ("links.unsubscribe", "an unsubscribe link"),
                ("brand.address", "the postal address"),
            ):
                if not _always(parts[part], path):
                    message = f"Marketing needs {what}: {{{{ {path} }}}}, outside any condition."
                    yield _plain("error", where, message)
    if channel == "sms" and not _opt_out(parts["text"]):
        yield _plain("warning", "body", "Say how to opt out, such as: Reply STOP.")


def _opt_out(text: str) -> bool:
    return bool(re.search(r"\bSTOP\b", text.upper())) or _always(text, "links.unsubscribe")


def _always(source: str, path: str) -> bool:
    found = uses(parse(source, html=True, most=limits.COMPILED_CHARS))
    return any(use.path == path and use.need == Need.ALWAYS for use in found)
