"""Connections kept for the next time."""

import os

import pytest

from notifysite.plumbing import kept
from notifysite.plumbing.kept import Kept


@pytest.fixture
def dropped() -> list[str]:
    return []


@pytest.fixture
def keeper(dropped: list[str]) -> Kept[str]:
    return Kept(dropped.append)


def test_the_last_one_used_is_the_first_one_taken(keeper: Kept[str]) -> None:
    keeper.give("older")
    keeper.give("newer")
    assert [keeper.take(), keeper.take(), keeper.take()] == ["newer", "older", None]


def test_each_place_has_its_own(keeper: Kept[str]) -> None:
    keeper.give("to here", "here")
    keeper.give("to there", "there")
    assert keeper.take("here") == "to here"
    assert keeper.take("here") is None
    assert keeper.take("there") == "to there"


def test_what_was_idle_for_long_is_dropped_wherever_it_leads(
    keeper: Kept[str], dropped: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper.give("to here", "here")
    monkeypatch.setattr(kept, "KEPT_SECONDS", 0.0)
    assert keeper.take("there") is None
    assert dropped == ["to here"]


def test_of_too_many_those_idle_longest_are_dropped(
    keeper: Kept[str], dropped: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "MOST_KEPT", 2)
    for number in range(4):
        keeper.give(f"number {number}", number)
    assert dropped == ["number 0", "number 1"]
    assert keeper.take(3) == "number 3"


def test_a_fork_leaves_its_parents_alone(
    keeper: Kept[str], dropped: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper.give("the parent's")
    monkeypatch.setattr(os, "getpid", lambda: 0)
    assert keeper.take() is None
    assert dropped == ["the parent's"]


def test_once_closed_nothing_is_kept(keeper: Kept[str], dropped: list[str]) -> None:
    keeper.give("kept")
    assert keeper.close() == ["kept"]
    keeper.give("late")
    assert dropped == ["late"]
    assert keeper.take() is None
