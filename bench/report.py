"""Tables of what was measured, as Markdown for people and as JSON for programs."""

import json
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bench.reading import Figure, Goal, Reading, Rounds
from bench.scenario import Scenario

PACKAGES = ("Django", "celery", "uvicorn", "psycopg2-binary", "django-post-office")


def machine(servers: Mapping[str, str], *, scale: float) -> dict[str, str]:
    """On what this was measured, and how busy that was before; no names of machines."""
    found = {"cores": str(os.cpu_count()), "CPU": _cpu(), "memory": _memory()}
    found["system"] = f"{platform.system()} {platform.release().split('-')[0]}"
    found["Python"] = platform.python_version()
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    began = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    return {**found, **servers, "load before": load, "scale": f"{scale:g}", "begun": began}


def line(name: str, reading: Reading) -> str:
    """One reading, as it is told at once."""
    more = " ".join(f"{key}={number(value)}" for key, value in reading.numbers.items())
    return (
        f"{name:12} {number(reading.rate):>9}/s  {reading.own_us:7.0f} + "
        f"{reading.database_us:5.0f} µs  {more}"
    )


def markdown(
    scenarios: Mapping[str, Scenario], results: Mapping[str, Rounds], about: Mapping[str, str]
) -> str:
    """Everything."""
    parts = ["# Benchmarks", "; ".join(f"{name} {said}" for name, said in about.items())]
    if about.get("scale", "1") != "1":
        parts.append("Not at full size: this shows that it runs, and judges no goal that has one.")
    for name, rounds in results.items():
        scenario = scenarios[name]
        parts += [f"## {scenario.title}", scenario.method, _table(scenario, rounds)]
        parts.append(_goals(scenario.goals(rounds)))
    return "\n\n".join(filter(None, parts)) + "\n"


def keep(
    folder: Path,
    scenarios: Mapping[str, Scenario],
    results: Mapping[str, Rounds],
    about: Mapping[str, str],
) -> None:
    """Write `results.md` and `results.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.md").write_text(markdown(scenarios, results, about))
    measured = {name: _as_data(scenarios[name], rounds) for name, rounds in results.items()}
    told = {"machine": dict(about), "scenarios": measured}
    (folder / "results.json").write_text(json.dumps(told, indent=2) + "\n")


def number(value: float) -> str:
    """Three digits that count."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def spread(figure: Figure | None) -> str:
    """A median and between what it lies."""
    if figure is None:
        return "-"
    if figure.low == figure.high:
        return number(figure.median)
    return f"{number(figure.median)} ({number(figure.low)} to {number(figure.high)})"


def _table(scenario: Scenario, rounds: Rounds) -> str:
    lines = [
        f"| contender | per second | CPU µs per {scenario.unit}: its own | PostgreSQL | more |",
        "|---|---|---|---|---|",
    ]
    for name in rounds.contenders():
        names = {key for taken in rounds.rounds if name in taken for key in taken[name].numbers}
        more = ", ".join(f"{key} {spread(rounds.number(name, key))}" for key in sorted(names))
        rate = spread(rounds.figure(name, lambda reading: reading.rate))
        own = spread(rounds.figure(name, lambda reading: reading.own_us))
        database = spread(rounds.figure(name, lambda reading: reading.database_us))
        lines.append(f"| {name} | {rate} | {own} | {database} | {more} |")
    return "\n".join(lines)


def _goals(goals: list[Goal]) -> str:
    words = {True: "met", False: "**missed**", None: "not measured"}
    lines = ["| goal | wanted | reached | |", "|---|---|---|---|"]
    for goal in goals:
        bound = f"≥ {goal.at_least:g}" if goal.at_least is not None else f"≤ {goal.at_most:g}"
        lines.append(f"| {goal.text} | {bound} | {spread(goal.reached)} | {words[goal.met]} |")
    return "\n".join(lines)


def _as_data(scenario: Scenario, rounds: Rounds) -> dict[str, Any]:
    return {
        "rounds": [
            {name: _reading_as_data(reading) for name, reading in taken.items()}
            for taken in rounds.rounds
        ],
        "goals": [
            {
                "goal": goal.text,
                "at_least": goal.at_least,
                "at_most": goal.at_most,
                "reached": goal.reached.median if goal.reached else None,
                "met": goal.met,
            }
            for goal in scenario.goals(rounds)
        ],
    }


def _reading_as_data(reading: Reading) -> dict[str, Any]:
    return {
        "operations": reading.operations,
        "seconds": reading.seconds,
        "rate": reading.rate,
        "own_us": reading.own_us,
        "database_us": reading.database_us,
        "numbers": dict(reading.numbers),
    }


def _cpu() -> str:
    for said in _lines("/proc/cpuinfo"):
        if said.startswith("model name"):
            return said.partition(":")[2].strip()
    return platform.machine()


def _memory() -> str:
    for said in _lines("/proc/meminfo"):
        if said.startswith("MemTotal"):
            return f"{int(said.split()[1]) / 1024**2:.0f} GiB"
    return "unknown"


def _lines(file: str) -> list[str]:
    try:
        return Path(file).read_text().splitlines()
    except OSError:
        return []
