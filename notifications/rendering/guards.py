"""What a condition proves: the paths that must be there where it holds, or where it fails."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum

from liquid.builtin.expressions import BooleanExpression, Path
from liquid.builtin.expressions import logical as logic
from liquid.builtin.expressions.primitive import Literal, Nil
from liquid.expression import Expression

from notifications.rendering import paths

Segments = tuple[str | int, ...]


class Need(IntEnum):
    """How badly a use needs its variable."""

    NEVER = 0  # in a condition, under `default`, or guarded by an if
    SOMETIMES = 1  # in a branch that may not be taken
    ALWAYS = 2


@dataclass(frozen=True, slots=True)
class Place:
    """What is known at one place of the tree: names, guards, and whether it is always reached."""

    names: Mapping[str, Segments | None]
    safe: frozenset[str] = frozenset()
    need: Need = Need.ALWAYS

    def maybe(self) -> "Place":
        """This place inside a branch that may not be taken."""
        return replace(self, need=min(self.need, Need.SOMETIMES))

    def guarded(self, safe: Iterable[str]) -> "Place":
        """This place where those paths are known to be there."""
        return replace(self, safe=self.safe | frozenset(safe))

    def naming(self, **names: Segments | None) -> "Place":
        """This place with names of its own; None is a value of the template's making."""
        return replace(self, names={**self.names, **names})


def resolve(path: Path, place: Place) -> Segments | None:
    """Return the path from a root, through loop variables and aliases; None for a local."""
    own: list[str | int] = []
    for segment in path.path:
        if isinstance(segment, Path):
            break
        own.append(segment)
    if not own:
        return None
    name = own[0]
    if name in place.names:
        start = place.names[str(name)]
        return (*start, *own[1:]) if start else None
    return tuple(own)


def truths(expression: Expression, place: Place) -> frozenset[str]:
    """Return the paths that must be there when the condition holds."""
    if isinstance(expression, BooleanExpression):
        return truths(expression.expression, place)
    if isinstance(expression, Path):
        return _with_parents(expression, place)
    if isinstance(expression, logic.LogicalAndExpression):
        return truths(expression.left, place) | truths(expression.right, place)
    if isinstance(expression, logic.LogicalOrExpression):
        return truths(expression.left, place) & truths(expression.right, place)
    if isinstance(expression, logic.NeExpression):
        return (
            _with_parents(expression.left, place)
            if isinstance(expression.right, Nil)
            else frozenset()
        )
    compared = (logic.EqExpression, logic.ContainsExpression, logic.LtExpression,
                logic.GtExpression, logic.LeExpression, logic.GeExpression)  # fmt: skip
    if isinstance(expression, compared) and isinstance(expression.right, Literal):
        return _with_parents(expression.left, place)
    return frozenset()


def falsehoods(expression: Expression, place: Place) -> frozenset[str]:
    """Return the paths that must be there when the condition fails."""
    if isinstance(expression, BooleanExpression):
        return falsehoods(expression.expression, place)
    if isinstance(expression, logic.LogicalOrExpression):
        return falsehoods(expression.left, place) | falsehoods(expression.right, place)
    if isinstance(expression, logic.LogicalAndExpression):
        return falsehoods(expression.left, place) & falsehoods(expression.right, place)
    if isinstance(expression, logic.EqExpression) and isinstance(expression.right, Nil):
        return _with_parents(expression.left, place)
    return frozenset()


def _with_parents(expression: Expression, place: Place) -> frozenset[str]:
    path = resolve(expression, place) if isinstance(expression, Path) else None
    if not path:
        return frozenset()
    return frozenset(paths.dotted(path[:length]) for length in range(1, len(path) + 1))
