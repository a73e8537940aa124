"""Render: one recipient's variables into one compiled template. Deterministic to the byte.

Parsed templates are kept by the digest of the compiled form, so a campaign parses once.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Any, Final

from delivery import segments
from delivery.channels import SMS
from delivery.contracts import Action, Content
from notifications.rendering import limits, paths
from notifications.rendering.compile import Compiled
from notifications.rendering.errors import LimitExceeded, RenderError, SourceError
from notifications.rendering.links import web_url
from notifications.rendering.liquid import Template, parse
from notifications.rendering.plan.texts import Plan
from notifications.rendering.text import tidy
from notifications.rendering.variables import ROOTS, uses

_LINES: Final = frozenset({"subject", "title", "preheader", "label"})
_URLS: Final = frozenset({"url", "image", "icon"})
_KEPT: Final = 256  # compiled templates: a few hundred kilobytes each at the very most

# Everything that ends a header line anywhere, every other control, and what turns text around.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class _Prepared:
    """The parsed templates of one channel of one compiled form: those of its parts, and then a
    label and a url for each action."""

    parts: tuple[str, ...]
    names: tuple[str, ...]
    finishes: tuple[Callable[[str], str], ...]
    templates: tuple[Template, ...]
    plan: Plan
    links: frozenset[str]


class _Cache:
    """The latest prepared templates; shared by threads, read without a lock."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: dict[tuple[str, str], _Prepared] = {}
        self._lock = Lock()

    def get(self, compiled: Compiled, channel: str) -> _Prepared:
        key = (compiled["digest"], channel)
        prepared = self._kept.get(key)
        return prepared if prepared is not None else self._add(key, compiled, channel)

    def _add(self, key: tuple[str, str], compiled: Compiled, channel: str) -> _Prepared:
        prepared = _prepare(compiled, channel)
        with self._lock:
            while len(self._kept) >= self._size:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = prepared
        return prepared


_cache = _Cache(_KEPT)


def render(compiled: Compiled, variables: Mapping[str, Any], *, channel: str) -> Content:
    """Return what this person reads on this channel; raise RenderError with the part at fault."""
    prepared = _cache.get(compiled, channel)
    texts = list(_rendered(prepared, variables))
    fields: dict[str, Any] = dict(zip(prepared.parts, texts, strict=False))
    if len(texts) > len(prepared.parts):
        said = texts[len(prepared.parts) :]
        pairs = zip(said[::2], said[1::2], strict=True)
        fields["actions"] = tuple(Action(label=label, url=url) for label, url in pairs)
    return Content(**fields)


def links_used(compiled: Compiled, *, channel: str) -> frozenset[str]:
    """The names under links.* that a render on this channel may read. Raises RenderError."""
    return _cache.get(compiled, channel).links


def names_wanted(compiled: Compiled, *, channel: str) -> frozenset[str] | None:
    """The names in data that are all a template on a channel can lack; None where it reads further
    down than that, and only `missing` can tell."""
    needs = compiled["channels"].get(channel)
    if needs is None:
        return frozenset()
    found = [_segments(path) for path in (*needs["required"], *needs["conditional"])]
    if any(len(path) != 2 or path[0] != "data" or not _is_name(path[1]) for path in found):
        return None
    return frozenset(str(name) for _, name in found)


def _is_name(segment: str | int) -> bool:
    return isinstance(segment, str) and segment != paths.EACH


def missing(compiled: Compiled, data: Mapping[str, Any], *, channel: str) -> list[str]:
    """Return the paths under data.* that a send with this very data would lack, sorted.

    Two look-ups tell in nearly every case; only when a variable of a branch is not there is the
    template run, with `data` alone, to see whether that branch is taken.
    """
    needs = compiled["channels"].get(channel)
    if needs is None:
        return []
    variables = {"data": data}
    lacking = {path for path in needs["required"] if not _present(variables, path)}
    doubtful = [path for path in needs["conditional"] if not _present(variables, path)]
    if doubtful:
        for template in _cache.get(compiled, channel).templates:
            lacking.update(_lacked(template, variables, doubtful))
    return sorted(lacking)


def _lacked(template: Template, variables: Mapping[str, Any], doubtful: list[str]) -> set[str]:
    """Return those of the doubtful paths that this data makes the template read."""
    try:
        seen = template.missing(variables)
    except RenderError:
        return set()  # a fault of another kind: the render itself will name it
    found = set()
    for path in seen:
        root, *rest = _segments(path)
        if root == "data":
            found.add(path)
        elif root not in ROOTS:  # the name of a loop or an assign: known by what follows it
            tail = tuple(rest)
            found.update(p for p in doubtful if tail and _segments(p)[-len(tail) :] == tail)
    return found


def _present(variables: Mapping[str, Any], path: str) -> bool:
    return paths.present(variables, _segments(path))


_segments = lru_cache(maxsize=4096)(paths.segments)


def _prepare(compiled: Compiled, channel: str) -> _Prepared:
    form = compiled["channels"].get(channel)
    if form is None:
        raise RenderError(f"The template says nothing on {channel}.")
    parts, actions = form["parts"], form["actions"]
    templates = [_template(source, name) for name, source in parts.items()]
    templates += [
        _template(action[key], "actions") for action in actions for key in ("label", "url")
    ]
    names = (*parts, *("label", "url") * len(actions))
    return _Prepared(
        parts=tuple(parts),
        names=names,
        finishes=tuple(_finish(name, channel) for name in names),
        templates=tuple(templates),
        plan=Plan(templates),
        links=_links(templates),
    )


def _finish(part: str, channel: str) -> Callable[[str], str]:
    if channel == SMS.key and part == "text":
        return _text_message
    return _FINISHES.get(part, _whole)


def _links(templates: Iterable[Template]) -> frozenset[str]:
    read = [paths.segments(use.path) for template in templates for use in uses(template)]
    names = {path[1] if len(path) > 1 else "" for path in read if path[0] == "links"}
    return frozenset(str(name) for name in names) if names <= ROOTS["links"] else ROOTS["links"]


def _template(source: str, part: str) -> Template:
    try:
        return parse(source, html=part == "html", most=limits.COMPILED_CHARS)
    except SourceError as error:
        raise RenderError(error.message, part=part) from error


def _rendered(prepared: _Prepared, variables: Mapping[str, Any]) -> Iterator[str]:
    """Yield each text, finished; the plan's, or where it has none that of the nodes."""
    planned = prepared.plan.texts(variables) or [None] * len(prepared.names)
    for place, text in enumerate(planned):
        try:
            if text is None:
                text = prepared.templates[place].render(variables)
            yield prepared.finishes[place](text)
        except RenderError as error:
            error.part = prepared.names[place]
            raise


def _whole(text: str) -> str:
    """All of a text, if it is not too large."""
    try:
        size = len(text) if text.isascii() else len(text.encode())
    except UnicodeEncodeError as error:
        raise RenderError("The text holds half a character (a lone surrogate).") from error
    if size > limits.OUTPUT_BYTES:
        raise LimitExceeded(f"The result is larger than {limits.OUTPUT_BYTES:,} bytes.")
    return text


def line(text: str) -> str:
    """Return one line without control characters, at most LINE_CHARS long."""
    single = text.strip()
    if not single.isprintable() or "  " in single:
        single = _BLANKS.sub(" ", _CONTROLS.sub(" ", text)).strip()
    _whole(single)
    return single if len(single) <= limits.LINE_CHARS else single[: limits.LINE_CHARS - 1] + "…"


def _tidied(text: str) -> str:
    return _whole(tidy(text))


def _text_message(text: str) -> str:
    tidied = _tidied(text)
    if (taken := segments.count(tidied).segments) > segments.MOST:
        raise LimitExceeded(f"It takes {taken} segments of SMS; at most {segments.MOST} are sent.")
    return tidied


_FINISHES: Final[Mapping[str, Callable[[str], str]]] = {
    **dict.fromkeys(_LINES, line),
    **dict.fromkeys(_URLS, web_url),
    "text": _tidied,
}
