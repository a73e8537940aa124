"""Which variables a source uses, without running it, and which of them it cannot do without."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from liquid.ast import BlockNode, Node
from liquid.builtin.expressions import FilteredExpression, Path
from liquid.builtin.expressions.loop import LoopExpression
from liquid.builtin.tags.assign_tag import AssignNode
from liquid.builtin.tags.capture_tag import CaptureNode
from liquid.builtin.tags.case_tag import CaseNode, MultiExpressionBlockNode
from liquid.builtin.tags.for_tag import BreakNode, ContinueNode, ForNode
from liquid.builtin.tags.if_tag import IfNode
from liquid.builtin.tags.unless_tag import UnlessNode
from liquid.expression import Expression

from notifications.rendering import paths
from notifications.rendering.errors import Problem, SourceError, problem_at
from notifications.rendering.guards import Need, Place, Segments, falsehoods, resolve, truths
from notifications.rendering.liquid import Template, parse
from notifications.rendering.nodes import walk

ANY: Final = frozenset({"*"})
ROOTS: Final[Mapping[str, frozenset[str]]] = {
    "data": ANY,
    "recipient": frozenset({"user_id", "name", "locale", "timezone", "attributes"}),
    "actor": ANY,
    "brand": ANY,
    "links": frozenset({"preferences", "unsubscribe", "view", "why"}),
    "digest": frozenset({"items", "count"}),
}


@dataclass(frozen=True, slots=True)
class Use:
    """One place where a variable is read; `index` is its offset in the source."""

    path: str
    index: int
    need: Need


def uses(template: Template) -> list[Use]:
    """Return every read of a variable that comes from outside the template."""
    names: dict[str, Segments | None] = {}
    return list(_nodes(template.nodes, Place(names), names))


def variables_used(source: str) -> frozenset[str]:
    """Return the full paths a source reads, such as `data.order.items[].name`."""
    return frozenset(use.path for use in uses(parse(source)))


def required(source: str) -> frozenset[str]:
    """Return the paths under data.* whose absence always makes the render fail."""
    return needed(uses(parse(source)), Need.ALWAYS)


def needed(found: Iterable[Use], need: Need) -> frozenset[str]:
    """Return the paths under data.* with at least one use of exactly that need."""
    return frozenset(
        use.path for use in found if use.need == need and paths.segments(use.path)[0] == "data"
    )


def check(source: str, *, where: str = "body", html: bool = False) -> list[Problem]:
    """Return what is wrong with a source: its syntax, or variables that do not exist."""
    try:
        template = parse(source, html=html)
    except SourceError as error:
        return [problem_at(source, error.index, where=where, message=error.message, level="error")]
    problems = []
    for use in uses(template):
        if message := _fault(paths.segments(use.path)):
            problems.append(
                problem_at(source, use.index, where=where, message=message, level="error")
            )
        elif use.need == Need.ALWAYS and use.path.startswith(("recipient.name", "recipient.attr")):
            message = f"{use.path} may be unknown for some people; add a default."
            problems.append(
                problem_at(source, use.index, where=where, message=message, level="warning")
            )
    return problems


def _fault(path: Segments) -> str:
    root = path[0]
    if not isinstance(root, str) or root not in ROOTS:
        known = ", ".join(ROOTS)
        return f"There is no variable {root}; variables begin with one of: {known}."
    fields = ROOTS[root]
    if len(path) == 1:
        return f"{root} needs a field, such as {root}.{min(fields - ANY, default='name')}."
    if fields is not ANY and path[1] not in fields:
        return f"{root} has no {path[1]}; it has: {', '.join(sorted(fields))}."
    return ""


def _nodes(
    nodes: Iterable[Node], place: Place, shared: dict[str, Segments | None]
) -> Iterator[Use]:
    for node in nodes:
        place = replace(place, names={**shared, **place.names})
        yield from _node(node, place, shared)


def _node(node: Node, place: Place, shared: dict[str, Segments | None]) -> Iterator[Use]:
    if isinstance(node, IfNode | UnlessNode):
        yield from _branches(node, place, shared)
    elif isinstance(node, ForNode):
        yield from _loop(node, place, shared)
    elif isinstance(node, CaseNode):
        yield from _case(node, place, shared)
    elif isinstance(node, AssignNode):
        yield from _assign(node, place, shared)
    elif isinstance(node, CaptureNode):
        yield from _nodes([node.block], place, shared)
        shared[str(node.name)] = None
    elif isinstance(node, BlockNode):
        yield from _nodes(node.nodes, place, shared)
    else:
        for expression in node.expressions():
            yield from _reads(expression, place)


def _branches(
    node: IfNode | UnlessNode, place: Place, shared: dict[str, Segments | None]
) -> Iterator[Use]:
    yield from _soft(node.condition, place)
    yes, no = truths(node.condition, place), falsehoods(node.condition, place)
    if isinstance(node, UnlessNode):
        yes, no = no, yes
    inner = place.maybe()
    yield from _nodes([node.consequence], inner.guarded(yes), shared)
    for branch in node.alternatives:
        inner = inner.guarded(no)
        yield from _soft(branch.expression, inner)
        guards = truths(branch.expression, inner)
        yield from _nodes([branch.block], inner.guarded(guards), shared)
        no = falsehoods(branch.expression, inner)
    if node.default:
        yield from _nodes([node.default], inner.guarded(no), shared)


def _case(node: CaseNode, place: Place, shared: dict[str, Segments | None]) -> Iterator[Use]:
    yield from _soft(node.expression, place)
    for block in node.blocks:
        if isinstance(block, MultiExpressionBlockNode):
            for expression in block.expression.expressions:
                yield from _soft(expression, place)
            block = block.block
        yield from _nodes([block], place.maybe(), shared)


def _loop(node: ForNode, place: Place, shared: dict[str, Segments | None]) -> Iterator[Use]:
    loop: LoopExpression = node.expression
    yield from _reads(loop.iterable, place)
    for extra in (loop.limit, loop.offset):
        if extra is not None:
            yield from _reads(extra, place)
    source = resolve(loop.iterable, place) if isinstance(loop.iterable, Path) else None
    each = (*source, paths.EACH) if source else None
    partial = (
        loop.limit
        or loop.offset
        or any(isinstance(child, BreakNode | ContinueNode) for child in walk([node.block]))
    )
    inner = place.naming(**{str(loop.identifier): each, "forloop": None})
    outer = inner.maybe()
    for use in _nodes([node.block], inner, shared):
        # What hangs on the element is needed for each of them; the rest only if there are any.
        own = each is not None and not partial and use.path.startswith(paths.dotted(each))
        yield use if own else replace(use, need=min(use.need, outer.need))
    if node.default:
        yield from _nodes([node.default], place.maybe(), shared)


def _assign(node: AssignNode, place: Place, shared: dict[str, Segments | None]) -> Iterator[Use]:
    name, value = str(node.name), node.expression
    left = value.left if isinstance(value, FilteredExpression) and not value.filters else None
    # A bare path is only carried over here; what reads the new name reads the variable.
    yield from _soft(left, place) if left else _reads(value, place)
    alias = resolve(left, place) if isinstance(left, Path) else None
    shared[name] = alias if name not in shared and place.need == Need.ALWAYS else None


def _reads(expression: Expression, place: Place) -> Iterator[Use]:
    if not isinstance(expression, FilteredExpression):
        yield from _paths(expression, place)
        return
    used = list(expression.filters or ())
    soft = bool(used) and used[0].name == "default"
    yield from _soft(expression.left, place) if soft else _paths(expression.left, place)
    for position, one in enumerate(used):
        after = used[position + 1].name if position + 1 < len(used) else ""
        inner = place.maybe() if one.name == "default" else place
        for child in one.children():
            both = one.name == after == "default"
            yield from _soft(child, place) if both else _paths(child, inner)


def _soft(expression: Expression, place: Place) -> Iterator[Use]:
    yield from _paths(expression, replace(place, need=Need.NEVER))


def _paths(expression: Expression, place: Place) -> Iterator[Use]:
    for child in expression.children():
        yield from _paths(child, place)
    if not isinstance(expression, Path):
        return
    resolved = resolve(expression, place)
    if not resolved:
        return
    path = paths.dotted(resolved)
    need = Need.NEVER if path in place.safe else place.need
    yield Use(path, max(expression.token.start_index, 0), need)
