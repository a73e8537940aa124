"""A thousand open sockets, and messages for one person at a time."""

import json
import resource
import subprocess
import sys
import time
from typing import Any

from bench import cpu
from bench.reading import Goal, Reading, Rounds, percentile
from bench.scenario import Scenario, scaled
from bench.stand import Product, Stand
from bench.transactional import LANES, RATE, pace
from notifysite.stack.processes import ROOT
from tests.chaos.stand.program import wait_until

SOCKETS, MESSAGES, WARM = 1_000, 500, 100
# When each item's row was written, just before its transaction was committed.
STORED = """
    SELECT person.user_id, extract(epoch FROM item.created_at)
    FROM inbox_item AS item JOIN recipient AS person ON person.id = item.recipient_id
"""


def us(stand: Stand, scale: float) -> Reading:
    """Each message is for another person, whose tab is open as all others are."""
    _allow_many_files()
    sockets = scaled(SOCKETS, scale, least=50)
    warm = min(WARM, sockets // 2)
    people = range(warm, min(sockets, warm + scaled(MESSAGES, scale)))
    with stand.product(people=sockets) as product:
        product.start("web", *LANES, "pump")
        with _tabs(product, sockets) as tabs:
            _ring(product, range(warm))
            _await_items(product, warm)
            before = product.spent()
            times = _ring(product, people)
            _await_items(product, people.stop)
            spent = product.spent().since(before)
            memory = cpu.resident(product.crew["web"].pid)
            stored = _stored(product)
            told = _end(tabs, [f"p{person}" for person in people])
    return Reading(
        operations=len(people),
        seconds=len(people) / RATE,
        own=spent.own,
        database=spent.database,
        numbers={"sockets": sockets, "web_mib": memory, **_came(told, times, stored)},
    )


def _came(
    told: Any, times: dict[int, tuple[float, float]], stored: dict[int, float]
) -> dict[str, float]:
    """What became of the messages whose requests began and ended, and whose items were stored, at
    those times."""
    hints = {int(person.removeprefix("p")): at for person, at in told["hints"]}
    came = [person for person in times if person in hints]
    return {
        "hints_lost": len(times) - len(came),
        "missing": sum(items != 1 for items in told["items"].values()),
        **_percentiles("", [hints[person] - stored[person] for person in came]),
        **_percentiles("whole_", [hints[person] - times[person][0] for person in came]),
    }


def _percentiles(what: str, waits: list[float]) -> dict[str, float]:
    return {f"{what}p{share}_ms": 1000 * percentile(waits, share / 100) for share in (50, 95, 99)}


def _stored(product: Product) -> dict[int, float]:
    """When each person's item was stored, on the monotonic clock."""
    behind = time.time() - time.monotonic()
    rows = product.database.sql(STORED)
    return {int(person.removeprefix("p")): float(at) - behind for person, at in rows}


def _tabs(product: Product, sockets: int) -> "subprocess.Popen[str]":
    tokens = product.fill("tokens", sockets)["tokens"]
    tabs = subprocess.Popen(
        [sys.executable, "-m", "bench.tabs", product.crew.urls[0]],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=product.stand.environment(None),
    )
    assert tabs.stdin is not None
    assert tabs.stdout is not None
    tabs.stdin.write(f"{json.dumps(tokens)}\n")
    tabs.stdin.flush()
    if int(tabs.stdout.readline() or 0) != sockets:
        raise RuntimeError("not all sockets could be opened")
    return tabs


def _ring(product: Product, people: range) -> dict[int, tuple[float, float]]:
    return pace(product, people, body="ring")


def _await_items(product: Product, number: int) -> None:
    stored = "SELECT count(*) FROM inbox_item"
    wait_until(lambda: product.database.number(stored) >= number, "all items were stored")


def _end(tabs: "subprocess.Popen[str]", people: list[str]) -> Any:
    told, _ = tabs.communicate(f"{json.dumps(people)}\n", timeout=300)
    return json.loads(told)


def _allow_many_files() -> None:
    """What is started from here on may have as many sockets open as the system lets us say."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def goals(rounds: Rounds) -> list[Goal]:
    """What the product is to reach."""
    return [
        Goal(
            text="p99 of one person's message, stored to hint, ms",
            reached=rounds.number("us", "p99_ms"),
            at_most=10,
        ),
        Goal(text="items missing after re-sync", reached=rounds.number("us", "missing"), at_most=0),
    ]


SCENARIO = Scenario(
    name="sockets",
    title="A thousand WebSockets",
    unit="message",
    method="One web process holds all sockets. 50 requests a second, each for one person's inbox; "
    "a message's time is from the moment its item is written, just before the commit, to the "
    "moment the hint is at that person's socket. The whole way begins where its request is sent, "
    "with accepting, deciding and rendering in between. Then every inbox is read.",
    contenders={"us": us},
    goals=goals,
)
