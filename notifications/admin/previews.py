"""What a template would say: a draft compiled and rendered with sample data, kept nowhere."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings

from delivery.channels import ChannelSpec
from delivery.contracts import Content
from notifications.catalog import publish
from notifications.models import LayoutVersion, Template, TemplateVersion, VersionState
from notifications.rendering.errors import Problem, RenderError, TemplateRejected
from notifications.rendering.render import render

ITEMS = [
    {"title": "First", "text": "Something happened."},
    {"title": "Second", "text": "So did this."},
]


@dataclass(frozen=True, slots=True)
class Preview:
    """What one version would say, or why it cannot; and what its editor should know."""

    problems: tuple[Problem, ...] = ()
    rendered: Content | None = None
    failure: str = ""

    @property
    def content(self) -> dict[str, Any]:
        """The fields of the message, as frames show them."""
        return asdict(self.rendered) if self.rendered else {}

    @property
    def why_not(self) -> str:
        """Why there is nothing to see, in one line."""
        errors = [say(problem) for problem in self.problems if problem.level == "error"]
        return self.failure or next(iter(errors), "")


def of(version: TemplateVersion, data: Mapping[str, Any], *, on: ChannelSpec) -> Preview:
    """Check a version and render it as a channel shows it; nothing of it is stored."""
    found = tuple(publish.problems(version))
    if any(problem.level == "error" for problem in found):
        return Preview(found)
    template = version.template
    try:
        form = version.compiled or publish.compiled(
            template, version.source, layout=layout_source(template.layout_id)
        )
        named = form["channels"].get(on.key, {}).get("variables", ())
        found += tuple(_strangers(named, template.type.data_schema))
        rendered = render(form, variables(template, data), channel=on.key)
    except TemplateRejected as error:
        return Preview(found + error.problems)
    except RenderError as error:
        return Preview(found, failure=f"With this sample data: {error}")
    return Preview(found, rendered=rendered)


def _strangers(named: Iterable[str], data_schema: Mapping[str, Any]) -> Iterator[Problem]:
    """Variables under data.* that the type's schema does not know: often a slip of the pen."""
    known = {one.path for one in _of_schema(data_schema, "data", sure=True, depth=0)}
    tops = {".".join(path.split(".")[:2]).removesuffix("[]") for path in known}
    for path in named:
        top = ".".join(path.split(".")[:2]).removesuffix("[]")
        if known and path.startswith("data.") and top not in tops:
            message = f"{path} is not in the type's data schema."
            yield Problem(level="warning", where="data", message=message)


def layout_source(layout_id: int | None) -> str:
    """The published source of a layout; "" where there is none, which is the built-in one."""
    if layout_id is None:
        return ""
    published = LayoutVersion.objects.filter(layout_id=layout_id, state=VersionState.PUBLISHED)
    return published.values_list("source", flat=True).first() or ""


def say(problem: Problem) -> str:
    """A problem in one line: where, line, column, what."""
    place = f", line {problem.line}, column {problem.column}" if problem.line else ""
    return f"{problem.where}{place}: {problem.message}"


def variables(template: Template, data: Mapping[str, Any]) -> dict[str, Any]:
    """Everything a template may name, of somebody who does not exist."""
    person = {
        "user_id": "sample-1",
        "name": "Ann Example",
        "locale": template.locale,
        "timezone": "UTC",
        "attributes": {},
    }
    here = settings.PUBLIC_URL
    return {
        "data": dict(data),
        "recipient": person,
        "actor": {**person, "user_id": "sample-2", "name": "Bob Example"},
        "brand": settings.BRAND,
        "links": {
            "preferences": f"{here}/preferences/",
            "unsubscribe": f"{here}/u/sample/",
            "view": f"{here}/view/sample/",
            "why": f"{here}/why/sample/",
        },
        "digest": {"items": ITEMS, "count": len(ITEMS)},
    }


@dataclass(frozen=True, slots=True)
class Variable:
    """One name an editor may write, and what is known of it."""

    path: str
    about: str = ""
    sure: bool = True


def names(data_schema: Mapping[str, Any]) -> list[Variable]:
    """What may be written in a template of this type."""
    fixed = [
        Variable("recipient.name", "may be unknown: add a default", False),
        Variable("recipient.user_id"),
        Variable("recipient.locale"),
        Variable("recipient.timezone"),
        Variable("recipient.attributes.…", "what callers said of the person", False),
        Variable("actor.name", "whoever did it, if said", False),
        *(Variable(f"brand.{name}", value) for name, value in settings.BRAND.items()),
        *(Variable(f"links.{name}") for name in ("preferences", "unsubscribe", "view", "why")),
    ]
    return [*_of_schema(data_schema, "data", sure=True, depth=0), *fixed]


def _of_schema(schema: Mapping[str, Any], path: str, *, sure: bool, depth: int) -> list[Variable]:
    found = []
    needed = schema.get("required", [])
    for name, below in (schema.get("properties") or {}).items():
        if not isinstance(below, Mapping) or depth > 6:
            continue
        here, there = f"{path}.{name}", sure and name in needed
        kind = below.get("type")
        found.append(Variable(here, str(below.get("description") or kind or ""), there))
        items = below.get("items")
        if isinstance(items, Mapping):
            found += _of_schema(items, f"{here}[]", sure=there, depth=depth + 1)
        found += _of_schema(below, here, sure=there, depth=depth + 1)
    return found
