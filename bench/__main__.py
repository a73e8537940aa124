"""Measure: `python -m bench [SCENARIO …]`, beside a PostgreSQL and a Redis of its own.

`make bench` starts those, and installs the peers where the product never sees them.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from bench import accept, bulk, fanout, flat, latency, report, sockets, transactional
from bench.reading import Rounds
from bench.scenario import Scenario
from bench.stand import Stand
from notifysite.stack.processes import ROOT

SCENARIOS: dict[str, Scenario] = {
    one.SCENARIO.name: one.SCENARIO
    for one in (bulk, accept, fanout, transactional, latency, sockets, flat)
}


def main(words: list[str]) -> int:
    """Run the scenarios asked for, say and keep what came of it; 1 if any part broke."""
    asked = _parser().parse_args(words)
    if unknown := sorted({*asked.scenarios} - SCENARIOS.keys()):
        sys.exit(f"no scenario {', '.join(unknown)}; there are: {', '.join(SCENARIOS)}")
    if not os.environ.get("DATABASE_URL") or not os.environ.get("REDIS_URL"):
        sys.exit("DATABASE_URL and REDIS_URL must name servers of this machine: see `make bench`")
    kept = asked.keep.resolve()
    folder = Path(tempfile.mkdtemp(prefix="notifysite-bench-"))
    stand = Stand(folder)
    results: dict[str, Rounds] = {}
    machine = report.machine(stand.versions(), scale=asked.scale)
    broken = 0
    try:
        for name in asked.scenarios or SCENARIOS:
            results[name] = Rounds()
            broken += measure(
                SCENARIOS[name], stand, results[name], asked.rounds, asked.scale, asked.only
            )
            report.keep(kept, SCENARIOS, results, machine)
    finally:
        stand.close()
        if broken:
            print(f"\nLogs of what broke are in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"\n{report.markdown(SCENARIOS, results, machine)}\nKept in {kept / 'results.md'}")
    return int(broken > 0)


def measure(
    scenario: Scenario,
    stand: Stand,
    found: Rounds,
    rounds: int,
    scale: float,
    only: Sequence[str],
) -> int:
    """Round by round, one contender after the other; returns how many readings broke."""
    broken = 0
    for number in range(1, rounds + 1):
        found.rounds.append({})
        for name, contender in scenario.contenders.items():
            if only and name not in only:
                continue
            began = time.monotonic()
            try:
                reading = contender(stand, scale)
            except Exception:  # noqa: BLE001 - the other tables of an hour are worth keeping
                broken += 1
                print(f"{scenario.name} {number} {name} broke:\n{traceback.format_exc()}")
                stand.tidy()
                continue
            found.rounds[-1][name] = reading
            took = time.monotonic() - began
            print(
                f"{scenario.name} {number} {report.line(name, reading)} ({took:.0f} s)", flush=True
            )
    return broken


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=", ".join(SCENARIOS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="a share of the full sizes")
    default = Path(os.environ.get("NOTIFYSITE_VAR") or ROOT / "var") / "bench"
    parser.add_argument("--keep", type=Path, default=default, help="the folder of the results")
    parser.add_argument(
        "--only", type=lambda text: text.split(","), default=[], help="of these contenders"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
