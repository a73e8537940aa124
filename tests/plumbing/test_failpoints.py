"""Failpoints do nothing unarmed, and what they were told at the pass they were told."""

import subprocess
import sys

import pytest

from notifysite.plumbing import failpoints

PROGRAM = """
from notifysite.plumbing import failpoints
for number in range(3):
    failpoints.reached("here")
    print(number, flush=True)
"""


def run(armed: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={failpoints.VARIABLE: armed},
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_unarmed_failpoint_does_nothing() -> None:
    assert run("elsewhere=exit").stdout.split() == ["0", "1", "2"]


def test_a_process_dies_at_the_pass_it_was_told() -> None:
    done = run("here=exit@2")

    assert (done.returncode, done.stdout.split()) == (9, ["0"])


def test_a_failure_is_raised() -> None:
    assert "Injected" in run("here=raise").stderr


def test_an_unknown_action_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="exit, segfault, stop"):
        failpoints.parse("here=explode")
