"""The tags whose own classes would not stay within the limits, or repeat what they should not."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from liquid.ast import BlockNode, Node
from liquid.builtin.content import ContentNode
from liquid.builtin.expressions import FilteredExpression, Path, PositionalArgument
from liquid.builtin.expressions.primitive import RangeLiteral, StringLiteral
from liquid.builtin.output import Output, OutputNode
from liquid.builtin.tags import case_tag, for_tag
from liquid.builtin.tags.case_tag import MultiExpressionBlockNode
from liquid.context import RenderContext
from liquid.exceptions import BreakLoop, ContinueLoop, LiquidError
from liquid.expression import Expression
from liquid.token import Token

from notifications.rendering import filters, limits
from notifications.rendering.context import Context, Missing
from notifications.rendering.errors import LimitExceeded, MissingVariable, RenderError

_WHOLE: Final = re.compile(r"(?:[^<>]+|<[^<>]*>)*+")

# The library wants a context to find partials with; there are none to find.
_NOWHERE: Final = cast(RenderContext, None)


def walk(nodes: Sequence[Node]) -> Iterator[Node]:
    """Yield every node under `nodes`, depth first, themselves included."""
    for node in nodes:
        yield node
        if not isinstance(node, ContentNode):
            yield from walk(list(node.children(_NOWHERE)))


# A filter's name, and the expressions of its arguments.
_Filtering = tuple[str, tuple[Expression, ...]]


def _fixed_path(expression: Expression) -> tuple[str | int, ...] | None:
    if not isinstance(expression, FilteredExpression) or not isinstance(expression.left, Path):
        return None
    path = expression.left.path
    keys = tuple(key for key in path if isinstance(key, str | int))
    return keys if len(keys) == len(path) else None


def _plain_filters(expression: Expression) -> tuple[_Filtering, ...] | None:
    """The filters, where all their arguments go by their place."""
    used = expression.filters or () if isinstance(expression, FilteredExpression) else ()
    if not all(isinstance(one, PositionalArgument) for each in used for one in each.args):
        return None
    return tuple((each.name, tuple(one.value for one in each.args)) for each in used)


class SafeOutputNode(OutputNode):
    """`{{ … }}`: a path and its filters are followed without the library's help, as long as nothing
    goes wrong; it knows how to say what."""

    __slots__ = ("filters", "rest", "root")

    def __init__(self, token: Token, expression: Expression) -> None:
        super().__init__(token, expression)
        filters = _plain_filters(expression)
        keys = (None if filters is None else _fixed_path(expression)) or (None,)
        self.root: str | int | None = keys[0]
        self.rest = keys[1:]
        self.filters: tuple[_Filtering, ...] = filters or ()

    def render_to_output(self, context: Any, buffer: Any) -> int:
        """Write the value, or note what is missing when the render only looks for that."""
        try:
            if self.root is None:
                value = self.expression.evaluate(context)
            elif self.filters:
                value = self._filtered(context)
            else:
                value = context.follow(self.root, self.rest)
            written: int = buffer.write(context.text(value))
            return written
        except MissingVariable as missing:
            if context.missing is None:
                raise
            context.missing.append(missing.path)
            return 0

    def _filtered(self, context: Any) -> Any:
        known = context.env.filters
        value = context.follow(self.root, self.rest)
        try:
            for name, arguments in self.filters:
                given = [one.evaluate(context) for one in arguments] if arguments else ()
                value = known[name](value, *given, context=context)
        except (KeyError, TypeError, LiquidError):
            return self.expression.evaluate(context)
        return value


class SafeOutput(Output):
    """Parses `{{ … }}`."""

    node_class = SafeOutputNode


class BoundedForNode(for_tag.ForNode):
    """A loop over at most so many items, paying for each turn what its body weighs."""

    __slots__ = ("weight",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.weight = 1 + sum(1 for _ in walk([self.block]))

    def render_to_output(self, context: Any, buffer: Any) -> int:
        """Render the body once per item, or the else block when there is none."""
        items = self._items(context)
        if not items:
            return self.default.render(context, buffer) if self.default else 0
        name = str(self.expression.identifier)
        loop = for_tag.ForLoop(name, iter(items), len(items), context.parentloop())
        namespace = {"forloop": loop, name: None}
        written = 0
        context.loops.append(loop)
        context.scope.push(namespace)
        try:
            for item in loop:
                context.spend(self.weight)
                namespace[name] = item
                try:
                    written += self.block.render(context, buffer)
                except ContinueLoop:
                    continue
                except BreakLoop:
                    break
        finally:
            context.scope.pop()
            context.loops.pop()
        return written

    def _items(self, context: Context) -> Sequence[Any]:
        value = self.expression.iterable.evaluate(context)
        if type(value) is Missing:
            if context.missing is None:
                value.poke()
            else:
                context.missing.append(value.name)
            return ()
        if value is None:
            return ()
        items = list(value.items()) if isinstance(value, Mapping) else value
        if not isinstance(items, list | tuple | range):
            raise RenderError("A for loop needs a list.")
        filters.measure(items)
        start = self._whole(self.expression.offset, context, default=0)
        count = self._whole(self.expression.limit, context, default=len(items))
        chosen: Sequence[Any] = items[start : start + count]
        return chosen[::-1] if self.expression.reversed else chosen

    @staticmethod
    def _whole(expression: Expression | None, context: Context, *, default: int) -> int:
        if expression is None:
            return default
        value = expression.evaluate(context)
        if type(value) is Missing:
            value.poke()
        if not isinstance(value, int) or value < 0:
            raise RenderError("limit and offset of a for loop are whole numbers.")
        return value


class BoundedFor(for_tag.ForTag):
    """Parses `{% for %}`."""

    node_class = BoundedForNode


class FirstMatchNode(case_tag.CaseNode):
    """`{% case %}` that renders one branch once: the library repeats a branch per equal value."""

    __slots__ = ()

    def render_to_output(self, context: Any, buffer: Any) -> int:
        """Render the first branch that matches, or else the else block."""
        default: BlockNode | None = None
        for block in self.blocks:
            if not isinstance(block, MultiExpressionBlockNode):
                default = block
            elif any(block.expression.evaluate(context)):
                return int(block.block.render(context, buffer))
        return int(default.render(context, buffer)) if default else 0


class FirstMatch(case_tag.CaseTag):
    """Parses `{% case %}`."""

    node_class = FirstMatchNode


class PlainLiteral(StringLiteral):
    """A quoted text that is no whole markup: half a tag would swallow the value after it."""

    __slots__ = ()

    def evaluate(self, context: Any) -> str:
        """Return plain text, which is escaped like data."""
        return str(self.value)


def is_whole(literal: StringLiteral) -> bool:
    """Whether every tag in an editor's quoted text is closed in it."""
    return _WHOLE.fullmatch(literal.value) is not None


class BoundedRange(RangeLiteral):
    """`(a..b)` of at most so many numbers, refused before anything walks along it."""

    __slots__ = ()

    def evaluate(self, context: Any) -> range:
        """Return the range, or raise LimitExceeded."""
        result: range = super().evaluate(context)
        if result.stop - result.start > limits.LIST_ITEMS:
            raise LimitExceeded(f"A range has at most {limits.LIST_ITEMS:,} numbers.")
        return result
