"""How a plan decides: functions made once per condition of a template."""

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from liquid import Environment
from liquid.builtin.expressions import BooleanExpression, Path
from liquid.builtin.expressions.logical import (
    ContainsExpression,
    EqExpression,
    GeExpression,
    GtExpression,
    LeExpression,
    LogicalAndExpression,
    LogicalOrExpression,
    LtExpression,
    NeExpression,
    is_truthy,
)
from liquid.expression import Expression

from notifications.rendering.context import Context
from notifications.rendering.plan.values import GivenUp, Read, Variables, constant, reading

Test = Callable[[Variables], bool]

_OPERATORS: Final[Mapping[type, Callable[[Any, Any], bool]]] = {
    EqExpression: operator.eq, NeExpression: operator.ne, LtExpression: operator.lt,
    GtExpression: operator.gt, LeExpression: operator.le, GeExpression: operator.ge,
    ContainsExpression: operator.contains,
}  # fmt: skip
_PLAIN: Final = frozenset({str, int, float, dict, list})  # all of them are true, even when empty
_NUMBERS: Final = frozenset({int, float})


def testing(expression: Expression, env: Environment) -> Test:
    """A function that tells whether a condition holds."""
    if isinstance(expression, BooleanExpression):
        return testing(expression.expression, env)
    if isinstance(expression, LogicalAndExpression | LogicalOrExpression):
        left, right = testing(expression.left, env), testing(expression.right, env)
        if isinstance(expression, LogicalAndExpression):
            return lambda variables: left(variables) and right(variables)
        return lambda variables: left(variables) or right(variables)
    try:
        if type(expression) in _OPERATORS:
            return _comparing(expression, env)
        return _holding(_operand(expression), _asking(expression, env))
    except GivenUp:
        return _asking(expression, env)


def _asking(expression: Expression, env: Environment) -> Test:
    """What the library itself makes of it, which knows every case."""
    return lambda variables: is_truthy(expression.evaluate(Context(env, variables)))


def _operand(expression: Expression) -> Read:
    if isinstance(expression, Path):
        keys = tuple(key for key in expression.path if isinstance(key, str | int))
        if len(keys) < len(expression.path):
            raise GivenUp
        return reading(keys)
    value = constant(expression, html=False)
    return lambda _: value


def _holding(read: Read, ask: Test) -> Test:
    def test(variables: Variables) -> bool:
        try:
            value = read(variables)
        except KeyError:
            return False
        if value is None or value is False:
            return False
        return value is True or type(value) in _PLAIN or ask(variables)

    return test


def _comparing(expression: Any, env: Environment) -> Test:
    """A comparison of two texts or of two numbers is Python's; any other is the library's."""
    left, right = _operand(expression.left), _operand(expression.right)
    compare, ask = _OPERATORS[type(expression)], _asking(expression, env)
    numbers = _NUMBERS if compare is not operator.contains else frozenset()

    def test(variables: Variables) -> bool:
        try:
            one, other = left(variables), right(variables)
        except KeyError:
            return ask(variables)
        if type(one) is type(other) is str or (type(one) in numbers and type(other) in numbers):
            return compare(one, other)
        return ask(variables)

    return test
