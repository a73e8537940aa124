"""The benchmarks: that they count rightly and that the smallest one runs, never how fast it is."""

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench import content, cpu, report
from bench.reading import Figure, Goal, Reading, Rounds, percentile
from bench.scenario import Scenario
from bench.sink import Sink

ROOT = Path(__file__).resolve().parent.parent
STAT = "7 (a name) (of two) S 3 7 7 0 -1 0 0 0 0 0 150 50 30 20 20 0 1 0 100 0 0"


def reading(seconds: float, **numbers: float) -> Reading:
    return Reading(operations=100, seconds=seconds, own=0.02, database=0.01, numbers=numbers)


def rounds(*taken: dict[str, Reading]) -> Rounds:
    found = Rounds()
    found.rounds += taken
    return found


def test_the_smallest_scenario_sends_each_letter_once_and_records_it(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "bench", "bulk", "--only", "us,smtplib"),
            *("--scale", "0.005", "--rounds", "1", "--keep", str(tmp_path)),
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-4000:]}{done.stderr[-2000:]}"
    told = json.loads((tmp_path / "results.json").read_text())["scenarios"]["bulk"]
    (taken,) = told["rounds"]
    # 150 people, of whom number 99 is suppressed.
    assert {name: one["operations"] for name, one in taken.items()} == {"us": 149, "smtplib": 150}
    # The kernel counts CPU by the tick: so little of it may be none.
    assert all(one["seconds"] > 0 and one["own_us"] >= 0 for one in taken.values())
    unmeasured = [one["goal"] for one in told["goals"] if one["met"] is None]
    assert unmeasured == ["deliveries/s ÷ django-post-office"]


def test_a_process_is_read_whatever_its_name() -> None:
    seconds = [number / cpu.TICKS for number in (200, 50)]
    assert cpu.read_stat(STAT) == cpu.Spent(3, *seconds)


def test_a_tree_holds_children_that_run_and_children_that_ended() -> None:
    burn = "import time\nwhile time.process_time() < 0.22: pass\n"
    script = (
        "import subprocess, sys\n"
        f"subprocess.run([sys.executable, '-c', {burn!r}])\n"
        f"running = subprocess.Popen([sys.executable, '-c', {burn + 'input()'!r}], "
        "stdin=subprocess.PIPE)\n"
        "input()\n"
    )
    root = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE)
    try:
        until = time.monotonic() + 20
        while cpu.of_tree(root.pid) < 0.35 and time.monotonic() < until:
            time.sleep(0.05)
        assert cpu.of_tree(root.pid) >= 0.35  # more than either has by itself
    finally:
        root.communicate(b"\n")


def test_no_process_has_spent_nothing() -> None:
    assert cpu.of_tree() == 0.0


def test_a_child_names_its_parent_and_holds_memory() -> None:
    script = "print(flush=True); input()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", script], **pipes) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert cpu.parent_of(child.pid) == os.getpid()
        assert cpu.resident(child.pid) > 1
        child.communicate(b"\n")


@pytest.mark.parametrize(
    ("share", "value"), [(0.5, 50), (0.95, 95), (0.99, 99), (1.0, 100), (0.001, 1)]
)
def test_a_percentile_is_the_least_value_that_so_many_do_not_exceed(
    share: float, value: int
) -> None:
    assert percentile(range(1, 101), share) == value


def test_what_never_came_took_for_ever() -> None:
    assert percentile([], 0.5) == float("inf")


def test_cpu_is_told_in_microseconds_per_operation() -> None:
    one = reading(2.0)
    assert (one.rate, one.own_us, one.database_us) == (50.0, 200.0, 100.0)


def test_a_ratio_is_taken_within_each_round() -> None:
    found = rounds(
        {"us": reading(1.0), "peer": reading(2.0)},
        {"us": reading(10.0), "peer": reading(30.0)},
        {"us": reading(1.0), "peer": reading(4.0)},
        {"us": reading(1.0)},
    )
    assert found.ratio("us", "peer") == Figure(3.0, 2.0, 4.0)
    assert found.ratio("us", "nobody") is None
    assert found.contenders() == ["us", "peer"]


def test_a_number_is_the_median_of_those_who_told_it() -> None:
    found = rounds({"us": reading(1.0, p99=3.0)}, {"us": reading(1.0)}, {"us": reading(1.0, p99=5)})
    assert found.number("us", "p99") == Figure(4.0, 3.0, 5.0)
    assert found.number("us", "p50") is None


@pytest.mark.parametrize(
    ("bounds", "met"),
    [
        ({"at_least": 2.0}, True),
        ({"at_least": 2.1}, False),
        ({"at_most": 2.0}, True),
        ({"at_most": 1.9}, False),
    ],
)
def test_a_goal_is_met_by_the_median(bounds: dict[str, float], met: bool) -> None:
    assert Goal(text="g", reached=Figure(2.0, 1.0, 9.0), **bounds).met is met


def test_a_goal_nobody_was_measured_for_is_neither_met_nor_missed() -> None:
    assert Goal(text="g", reached=None, at_least=1).met is None


def test_the_report_has_a_row_per_contender_and_per_goal(tmp_path: Path) -> None:
    scenario = Scenario(
        name="race",
        title="A race",
        unit="lap",
        method="Round and round.",
        contenders={},
        goals=lambda found: [
            Goal(text="us ÷ peer", reached=found.ratio("us", "peer"), at_least=3),
            Goal(text="us ÷ nobody", reached=found.ratio("us", "nobody"), at_least=1),
        ],
    )
    found = rounds(
        {"us": reading(0.1, p99_ms=12.3), "peer": reading(0.2)},
        {"us": reading(0.1, p99_ms=12.3), "peer": reading(0.25)},
    )
    report.keep(tmp_path, {"race": scenario}, {"race": found}, {"cores": "2"})
    lines = (tmp_path / "results.md").read_text().splitlines()
    assert "| us | 1,000 | 200 | 100 | p99_ms 12.3 |" in lines
    assert "| peer | 450 (400 to 500) | 200 | 100 |  |" in lines
    assert "| us ÷ peer | ≥ 3 | 2.25 (2 to 2.5) | **missed** |" in lines
    assert "| us ÷ nobody | ≥ 1 | - | not measured |" in lines
    kept = json.loads((tmp_path / "results.json").read_text())
    assert kept["machine"] == {"cores": "2"}
    assert [one["met"] for one in kept["scenarios"]["race"]["goals"]] == [False, None]


def test_the_same_letter_can_be_written_in_both_template_languages() -> None:
    ours, theirs = content.words(content.LIQUID), content.words(content.DJANGO)
    assert "{% if data.weight > 20 %}" in ours["body"]
    assert "{% if weight > 20 %}" in theirs["body"]
    assert not [part for part in (*ours.values(), *theirs.values()) if "$" in part]


def test_one_in_a_hundred_is_suppressed() -> None:
    assert content.written_to(200) == 198
    assert content.written_to(99) == 99


async def test_a_slow_sink_answers_in_the_order_it_was_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Sink, "delay", 0.05)
    monkeypatch.setattr(Sink, "journal", [])
    monkeypatch.setattr(Sink, "taken", 0)
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
    letter = b"MAIL FROM:<a@example.com>\r\nRCPT TO:<%b@example.com>\r\nDATA\r\n"
    writer.write(b"EHLO me\r\n" + letter % b"b" + b"hello\r\n.\r\n" + letter % b"c")
    said = [await reader.readuntil(b"250 OK\r\n") for _ in range(5)]
    last = await reader.readuntil(b"354 go on\r\n")
    writer.close()
    server.close()
    assert said[2] == b"354 go on\r\n250 OK\r\n"  # the letter's own answer comes before the rest
    assert last == b"354 go on\r\n"
    assert [recipient for _, recipient in Sink.journal or []] == [b"b@example.com"]
