"""How a test says which fault it is, and how much of it is done at which scale."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import pytest

Test = TypeVar("Test", bound=Callable[..., Any])

BROKERS = ("redis", "rabbitmq")


def fault(
    name: str,
    what: str,
    *,
    full: Any,
    short: Any,
    brokers: Sequence[str] = ("redis",),
    in_suite: bool = False,
) -> Callable[[Test], Test]:
    """Make one scenario two tests: `[full]` for `make chaos`, `[short]` for looking at it.

    `full` and `short` are whatever the scenario takes as `scale`. With several `brokers` each runs
    with each. `in_suite`: the short one, with Redis, is run by `make test`, too.
    """

    def dressed(test: Test) -> Test:
        for mark in (
            pytest.mark.fault(name, what),
            pytest.mark.parametrize("broker", [_broker(kind) for kind in brokers]),
            pytest.mark.parametrize(
                "scale",
                [
                    pytest.param(full, id="full", marks=pytest.mark.chaos),
                    pytest.param(short, id="short", marks=_short(in_suite=in_suite)),
                ],
            ),
        ):
            test = mark(test)
        return test

    return dressed


def _broker(kind: str) -> Any:
    # The suite's own tests stay with Redis: a RabbitMQ node alone takes seconds to start.
    marks = [pytest.mark.rabbitmq, pytest.mark.chaos_short] if kind == "rabbitmq" else []
    return pytest.param(kind, id=kind, marks=marks)


def _short(*, in_suite: bool) -> Any:
    return [] if in_suite else [pytest.mark.chaos_short]
