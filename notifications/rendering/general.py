"""What an editor should know before publishing words for every channel."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from delivery.channels import GENERAL, every
from notifications.rendering import checks, limits
from notifications.rendering.compile import Source, shape_problems
from notifications.rendering.errors import Problem, SourceError, problem_at
from notifications.rendering.swap import masked

_TAG: Final = re.compile(r"</?[A-Za-z]")


def problems(content: Source, *, layout: str = "", marketing: bool = False) -> list[Problem]:
    """Return everything to know about a content that all channels are to take, errors first.

    What is wrong on every channel is said once; what is wrong on one is said with its name.
    """
    found = shape_problems(content)
    if not found:
        found = [*_own(content)]
    if any(problem.level == "error" for problem in found):
        return found
    by_label = {
        spec.label: checks.problems(spec.key, content, layout=layout, marketing=marketing)
        for spec in every()
    }
    times = Counter(one for told in by_label.values() for one in dict.fromkeys(told))
    for label, told in by_label.items():
        for one in told:
            everywhere = times[one] == len(by_label)
            found.append(one if everywhere else replace(one, message=f"{label}: {one.message}"))
    return sorted(dict.fromkeys(found), key=lambda problem: problem.level)


def _own(content: Source) -> Iterator[Problem]:
    """Yield what only words for every channel must keep to."""
    for name in content:
        if name not in GENERAL.fields:
            message = "Not every channel has this: write it in the channel's own template."
            yield Problem(level="error", where=name, message=message)
    for name in GENERAL.required:
        if not content.get(name, "").strip():
            yield Problem(level="error", where=name, message="This is empty.")
    if len(content.get("actions", ())) > limits.GENERAL_ACTIONS:
        message = f"At most {limits.GENERAL_ACTIONS} actions: no channel shows more of them well."
        yield Problem(level="error", where="actions", message=message)
    yield from _tags(content.get("body", ""))


def _tags(body: str) -> Iterator[Problem]:
    """Yield where HTML begins: only a mail could show it."""
    try:
        tag = _TAG.search(masked(body).flat)
    except SourceError:
        return  # said by the checks of every channel
    if tag:
        message = "This is plain text for every channel; write HTML in the email's own template."
        yield problem_at(body, tag.start(), where="body", message=message, level="error")
