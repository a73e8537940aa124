"""Publish: from what an editor wrote to an immutable, JSON-serialisable form that renders fast.

One content serves every channel that can show it: `{title, body, url, image, icon, actions}`, and
for email also `subject`, `preheader` and `text`; for SMS `text`. What a channel makes of it is said
in `rendering.taken`. The compiled form is
`{"format": 1, "digest": …, "channels": {channel: {"parts": {name: liquid}, "actions": [...],
"variables": [...], "required": [...], "conditional": [...]}}}`.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from delivery.channels import every
from notifications.rendering import limits, taken
from notifications.rendering.email import LayoutError, compile_email
from notifications.rendering.errors import Problem, SourceError, TemplateRejected, problem_at
from notifications.rendering.guards import Need
from notifications.rendering.liquid import parse
from notifications.rendering.variables import needed, uses

Source = Mapping[str, Any]
Compiled = dict[str, Any]

FORMAT: Final = 1
FIELDS: Final = frozenset(
    {"subject", "preheader", "title", "body", "text", "url", "image", "icon", "actions"}
)


def publish(
    content: Source, *, channels: Iterable[str] | None = None, layout: str = "", locale: str = ""
) -> Compiled:
    """Compile `content` for each channel, or for all there are.

    Raises TemplateRejected when a source is malformed.
    """
    problems = shape_problems(content)
    compiled: dict[str, Any] = {}
    wanted = [spec.key for spec in every()] if channels is None else channels
    said = content if problems else taken.absolute(content)
    for channel in wanted if not problems else ():
        try:
            compiled[channel] = _channel(channel, said, layout, locale)
        except _PartError as error:
            problems.append(error.problem)
    if problems:
        raise TemplateRejected(tuple(dict.fromkeys(problems)))
    form = {"format": FORMAT, "channels": compiled}
    return {**form, "digest": digest(form)}


def digest(form: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the canonical JSON: equal content, equal digest."""
    text = json.dumps(form, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def shape_problems(content: Source) -> list[Problem]:
    """Return what is wrong with the fields themselves, before any Liquid is read."""
    problems = [_problem(name, "There is no such field.") for name in sorted(set(content) - FIELDS)]
    for name in sorted(FIELDS & set(content) - {"actions"}):
        if not isinstance(content[name], str):
            problems.append(_problem(name, "This must be text."))
    actions = content.get("actions", [])
    if not isinstance(actions, list | tuple) or len(actions) > limits.ACTIONS:
        return [*problems, _problem("actions", f"A list of at most {limits.ACTIONS} actions.")]
    for index, action in enumerate(actions):
        texts = action.values() if isinstance(action, Mapping) else ()
        if set(action) != {"label", "url"} or not all(isinstance(text, str) for text in texts):
            problems.append(_problem(f"actions[{index}]", "An action has a label and a url."))
    return problems


def is_channel(key: str) -> bool:
    """Whether there is such a channel, of ours or of the setting EXTRA_CHANNELS."""
    return any(spec.key == key for spec in every())


def _channel(channel: str, content: Source, layout: str, locale: str) -> dict[str, Any]:
    if not is_channel(channel):
        raise _PartError(_problem("channel", f"There is no channel {channel}."))
    parts = taken.texts(channel, content)
    for name, source in parts.items():
        _parsed(source, name)
    for index, action in enumerate(content.get("actions", ())):
        for key, source in action.items():
            _parsed(source, f"actions[{index}].{key}")
    if channel == "email":
        html, text = _email(content, layout, locale)
        parts = {**parts, "html": html, "text": parts.get("text") or text}
    shown = taken.actions(channel, content)
    return {"parts": parts, "actions": shown, **_needs(parts, shown)}


def _email(content: Source, layout: str, locale: str) -> tuple[str, str]:
    letter = taken.letter(content, layout=layout, locale=locale)
    _parsed(letter.body, "body")
    try:
        html, text = compile_email(letter)
    except LayoutError as error:
        raise _PartError(_at(layout.strip(), error, "layout")) from error
    except SourceError as error:
        raise _PartError(_at(letter.body, error, "body")) from error
    _parsed(html, "body", html=True)
    _parsed(text, "text")
    return html, text


def _needs(parts: Mapping[str, str], actions: list[dict[str, str]]) -> dict[str, list[str]]:
    sources = [*parts.items(), *(("url", text) for action in actions for text in action.values())]
    found = [
        use for name, source in sources for use in uses(_parsed(source, name, html=name == "html"))
    ]
    always = needed(found, Need.ALWAYS)
    return {
        "variables": sorted({use.path for use in found}),
        "required": sorted(always),
        "conditional": sorted(needed(found, Need.SOMETIMES) - always),
    }


class _PartError(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def _parsed(source: str, where: str, *, html: bool = False) -> Any:
    try:
        return parse(source, html=html, most=limits.COMPILED_CHARS if html else limits.SOURCE_CHARS)
    except SourceError as error:
        raise _PartError(_at(source, error, where)) from error


def _at(source: str, error: SourceError, where: str) -> Problem:
    return problem_at(source, error.index, where=where, message=error.message, level="error")


def _problem(where: str, message: str) -> Problem:
    return Problem(level="error", where=where, message=message)
