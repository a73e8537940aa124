"""Reports deliveries before their answers are known: the product, told by a provider in haste.

    python -m tests.chaos.stand.newsroom LEDGER EARLIEST LATEST SEED

Reads what the provider takes, from its ledger, and reports each message as delivered so many
seconds (drawn between EARLIEST and LATEST) after it was taken, naming it by the provider's own id.
"""

import heapq
import json
import random
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import django

PAUSE = 0.05


def follow(path: Path) -> Iterator[list[dict[str, object]]]:
    """The lines that were added since the last look, again and again."""
    while not path.exists():
        yield []
    with path.open("rb") as file:
        rest = b""
        while True:
            *lines, rest = (rest + file.read()).split(b"\n")
            yield [json.loads(line) for line in lines]


def main(ledger: str, earliest: str, latest: str, seed: str) -> None:
    """Report for ever."""
    from delivery.contracts import Report
    from delivery.feedback import report
    from delivery.lifecycle import EventKind

    luck = random.Random(seed)
    waiting: list[tuple[float, str, str]] = []
    for entries in follow(Path(ledger)):
        for entry in entries:
            at = float(str(entry["at"])) + luck.uniform(float(earliest), float(latest))
            heapq.heappush(waiting, (at, str(entry["account"]), str(entry["id"])))
        while waiting and waiting[0][0] <= time.time():
            _, account, ref = heapq.heappop(waiting)
            now = datetime.now(UTC)
            report(account, [Report(kind=EventKind.DELIVERED, at=now, provider_ref=ref)])
        time.sleep(PAUSE)


if __name__ == "__main__":
    django.setup()
    main(*sys.argv[1:])
