"""The Liquid that editors may write: python-liquid with every door closed that a bomb came through.

No files, no clock, no attributes, no unbounded range, string, list, loop or number. Work is counted
in steps, so that the same input is refused at the same place on any machine; a wall-clock guard
(checked in loops and filters, in any thread) stands behind it.

A null that was given prints as nothing; a variable that was not given raises MissingVariable. In a
condition, or under the `default` filter, a missing variable is simply false.
"""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final

from liquid import Environment
from liquid.ast import Node
from liquid.builtin.content import ContentNode, Literal
from liquid.builtin.expressions import FilteredExpression
from liquid.builtin.expressions.primitive import RangeLiteral, StringLiteral
from liquid.builtin.illegal import Illegal
from liquid.builtin.tags import (
    assign_tag,
    capture_tag,
    comment_tag,
    for_tag,
    if_tag,
    inline_comment_tag,
    unless_tag,
)
from liquid.exceptions import LiquidError, LiquidInterrupt
from liquid.mode import Mode

from notifications.rendering import filters, limits
from notifications.rendering.context import Context, Missing, Sink
from notifications.rendering.errors import MissingVariable, RenderError, SourceError
from notifications.rendering.nodes import (
    BoundedFor,
    BoundedRange,
    FirstMatch,
    PlainLiteral,
    SafeOutput,
    is_whole,
    walk,
)
from notifications.rendering.scan import BLOCKS, scan, tags

_INTERNAL: Final = frozenset({"_link", "_tail", "_css"})
_LISTS: Final = (list, tuple, range)


class SafeEnvironment(Environment):
    """Only the tags and filters named here exist."""

    block_nesting_limit = limits.BLOCK_DEPTH + 2
    context_depth_limit = limits.BLOCK_DEPTH + 4

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        """Register the allow-list."""
        for tag in (
            Literal, SafeOutput, Illegal, if_tag.IfTag, unless_tag.UnlessTag, FirstMatch,
            BoundedFor, for_tag.BreakTag, for_tag.ContinueTag, assign_tag.AssignTag,
            capture_tag.CaptureTag, comment_tag.CommentTag, inline_comment_tag.InlineCommentTag,
        ):  # fmt: skip
            self.add_tag(tag)
        self.filters = filters.build()


HTML: Final = SafeEnvironment(tolerance=Mode.STRICT, undefined=Missing, autoescape=True)
TEXT: Final = SafeEnvironment(tolerance=Mode.STRICT, undefined=Missing, autoescape=False)


class Template:
    """A parsed, bounded template; immutable, so threads share it."""

    __slots__ = ("_size", "_steps", "env", "nodes", "source")

    def __init__(self, env: Environment, source: str, nodes: list[Node]) -> None:
        self.env = env
        self.source = source
        self.nodes = nodes
        self._steps = [node.text if type(node) is ContentNode else node for node in nodes]
        self._size = sum(len(step) for step in self._steps if isinstance(step, str))

    def render(self, variables: Mapping[str, object]) -> str:
        """Return the text, or raise RenderError."""
        return self.run(Context(self.env, variables))

    def missing(self, variables: Mapping[str, object]) -> list[str]:
        """Return the variables this very data leaves missing, in the order they are met."""
        context = Context(self.env, variables)
        context.missing = []
        try:
            self.run(context)
        except MissingVariable as missing:
            context.missing.append(missing.path)
        return context.missing

    def run(self, context: Context) -> str:
        """Render into a fresh sink with `context`."""
        sink: Any = Sink(size=self._size)  # the editor's own text is counted beforehand
        write = sink.parts.append
        try:
            for step in self._steps:
                if isinstance(step, str):
                    write(step)
                else:
                    step.render_to_output(context, sink)
        except LiquidInterrupt as error:
            raise RenderError("break and continue only work inside a for loop.") from error
        except LiquidError as error:
            raise RenderError(_sentence(str(error.message or "The template failed"))) from error
        except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as error:
            # Whatever the library trips over in this data is this message's failure, not a batch's.
            raise RenderError(f"The template failed ({type(error).__name__}).") from error
        return str(sink.getvalue())


def parse(source: str, *, html: bool = False, most: int = limits.SOURCE_CHARS) -> Template:
    """Parse within the limits; raise SourceError that says where and in plain words."""
    scan(source, most=most)
    env = HTML if html else TEXT
    try:
        nodes = list(env.from_string(source).nodes)
        _harden(nodes)
    except LiquidError as error:
        index = error.token.start_index if error.token is not None else -1
        place = index if index >= 0 else _first_fault(env, source)
        raise SourceError(_sentence(str(error.message)), index=place) from error
    except RecursionError as error:
        raise SourceError("This expression is nested too deeply.") from error
    return Template(env, source, nodes)


def _harden(nodes: list[Node]) -> None:
    """Count the parts, and change those expressions that the library leaves open."""
    for count, thing in enumerate(_everything(nodes), start=1):
        if count > limits.NODES:
            raise SourceError(f"The template has more than {limits.NODES:,} parts.")
        if type(thing) is RangeLiteral:
            thing.__class__ = BoundedRange
        elif type(thing) is StringLiteral and not is_whole(thing):
            thing.__class__ = PlainLiteral
        elif isinstance(thing, FilteredExpression):
            _check_filters(thing)


def _first_fault(env: Environment, source: str) -> int:
    """Return where the first construct stands that fails by itself; the library lost the place."""
    for tag in tags(source):
        alone = source[tag.start : tag.end]
        if tag.name in BLOCKS - {"comment"}:
            alone += f"{{% end{tag.name} %}}"
        elif tag.name not in ("", "assign"):
            continue
        try:
            env.from_string(alone)
        except LiquidError:
            return tag.start
    return 0


def _check_filters(expression: FilteredExpression) -> None:
    for used in expression.filters or ():
        if used.name in filters.NAMES or used.name in _INTERNAL:
            continue
        near = get_close_matches(used.name, filters.NAMES, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise SourceError(
            f"There is no filter named {used.name}.{hint}", index=used.token.start_index
        )


def _everything(nodes: Sequence[Node]) -> Iterator[Any]:
    for node in walk(nodes):
        yield node
        stack = list(node.expressions())
        while stack:
            expression = stack.pop()
            yield expression
            stack.extend(expression.children())


def _sentence(message: str) -> str:
    return message[:1].upper() + message[1:] + ("" if message.endswith(".") else ".")
