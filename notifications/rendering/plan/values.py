"""How a plan reads one value and writes it: functions made once per output of a template."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from liquid.builtin.expressions.primitive import (
    FalseLiteral,
    FloatLiteral,
    IntegerLiteral,
    Nil,
    StringLiteral,
    TrueLiteral,
)
from liquid.expression import Expression
from markupsafe import Markup, escape

from notifications.rendering import filters, limits, paths
from notifications.rendering.context import Missing
from notifications.rendering.links import css_value, link, tail
from notifications.rendering.nodes import PlainLiteral, SafeOutputNode

Variables = Mapping[str, Any]
Read = Callable[[Variables], Any]
Say = Callable[[Variables], str]

MOST_CHARS: Final = 16 * 1024  # of one value; a longer one is left to the nodes
STEPS_PER_FILTER: Final = 2 + (MOST_CHARS + 4 * limits.TAG_CHARS) // 256

_LITERALS: Final = (TrueLiteral, FalseLiteral, Nil, IntegerLiteral, FloatLiteral, StringLiteral,
                    PlainLiteral)  # fmt: skip
# Those that mostly work on lists are left to the nodes.
_FILTERS: Final = filters.NAMES - {
    "compact", "concat", "find", "find_index", "first", "has", "join", "last", "map", "reject",
    "reverse", "slice", "sort", "sort_natural", "split", "sum", "uniq", "where",
}  # fmt: skip
_GUARDS: Final[Mapping[str, Callable[[object], str]]] = {
    "_link": link,
    "_tail": tail,
    "_css": css_value,
}
_MISSING: Final = Missing("")
_KNOWN: Final = filters.build()


class GivenUp(Exception):
    """This is for the nodes to render."""


class _Free:
    """The work of a filter in a plan, which is counted when the plan is made."""

    def __init__(self, *, autoescape: bool) -> None:
        self.autoescape = autoescape

    def spend(self, steps: int) -> None:
        """Nothing: no filter of a plan can need more than STEPS_PER_FILTER."""


_WORK: Final = {html: _Free(autoescape=html) for html in (False, True)}


def constant(expression: Expression, *, html: bool) -> Any:
    """The value of a literal, as it is in a template of this kind. Raises GivenUp."""
    if type(expression) not in _LITERALS:
        raise GivenUp
    if type(expression) is Nil:
        return None
    value = expression.value  # type: ignore[attr-defined]
    return Markup(value) if html and type(expression) is StringLiteral else value  # noqa: S704


def reading(path: tuple[str | int, ...]) -> Read:
    """A function that follows a path; it raises KeyError where that leads nowhere."""

    def read(variables: Variables) -> Any:
        value: Any = variables
        for key in path:
            if type(value) is dict:
                value = value[key]
            else:
                value = paths.step(value, key)
                if value is paths.ABSENT:
                    raise KeyError(key)
        return value

    if len(path) != 2:
        return read
    root, name = path

    def read_field(variables: Variables) -> Any:
        inside = variables[root]  # type: ignore[index]
        return inside[name] if type(inside) is dict else read(variables)

    return read_field


_WRITTEN: Final[Mapping[type, Callable[[Any], str]]] = {
    int: str,
    float: str,
    bool: {False: "false", True: "true"}.__getitem__,
    type(None): lambda _: "",
}


def written(value: Any) -> str:
    """A value that is no text as it stands in the output. Raises GivenUp."""
    write = _WRITTEN.get(type(value))
    if write is None:
        raise GivenUp
    return write(value)


def named(node: SafeOutputNode) -> object:
    """A name for what an output says if nothing of that is ever markup, so that it can be said once
    and escaped where need be; None if it cannot. Outputs of the same name say the same."""
    names = [name for name, _ in node.filters]
    if node.root is None or len(names) > 1:
        return None
    given = len(node.filters[0][1]) if names else 0
    if not given and (not names or names[0] in _GUARDS):
        return (node.root, node.rest, *names)
    if given != 1 or names != ["default"]:
        return None
    try:
        instead = _instead(node)
    except GivenUp:
        return None
    return (node.root, node.rest, *names, instead) if escape(instead) == instead else None


def saying(node: SafeOutputNode, *, most: int) -> Say:
    """What an output says that has a name."""
    read = _read(node)
    if not node.filters:
        return _bare(read, most)
    guard = _GUARDS.get(node.filters[0][0])
    return _guarded(read, guard, most) if guard else _defaulted(read, _instead(node), most)


def _instead(node: SafeOutputNode) -> str:
    value = _small(constant(node.filters[0][1][0], html=False), MOST_CHARS)
    return value if isinstance(value, str) else written(value)


def marking(node: SafeOutputNode, *, html: bool, most: int) -> Read:
    """What an output says after its filters, as text or as markup. Raises GivenUp."""
    read, work = _read(node), _WORK[html]
    steps = []
    for name, arguments in node.filters:
        if name not in _FILTERS and name not in _GUARDS:
            raise GivenUp
        steps.append((_KNOWN[name], tuple(constant(one, html=html) for one in arguments)))

    def mark(variables: Variables) -> Any:
        try:
            value = _small(read(variables), most)
        except KeyError:
            value = _MISSING
        for function, given in steps:
            value = _small(function(value, *given, context=work), most)
        return value if isinstance(value, str) else written(value)

    return mark


def _read(node: SafeOutputNode) -> Read:
    if node.root is None:
        raise GivenUp
    return reading((node.root, *node.rest))


def _small(value: Any, most: int) -> Any:
    """The value, where every filter would take it at once. Raises GivenUp."""
    kind = type(value)
    if kind is str or kind is Markup:
        if len(value) > most:
            raise GivenUp
    elif kind not in _WRITTEN or (kind is int and value.bit_length() > limits.NUMBER_BITS):
        raise GivenUp
    return value


def _bare(read: Read, most: int) -> Say:
    def say(variables: Variables) -> str:
        value = read(variables)
        text: str = value if type(value) is str else written(value)
        if len(text) > most:
            raise GivenUp
        return text

    return say


def _guarded(read: Read, guard: Callable[[object], str], most: int) -> Say:
    def say(variables: Variables) -> str:
        value = read(variables)
        if type(value) is not str or len(value) > most:
            value = _small(value, most)
        return guard(value)

    return say


def _defaulted(read: Read, instead: str, most: int) -> Say:
    def say(variables: Variables) -> str:
        try:
            value = read(variables)
        except KeyError:
            return instead
        if type(value) is not str:
            return instead if value is None or value is False else written(_small(value, most))
        if len(value) > most:
            raise GivenUp
        return value or instead

    return say
