"""Accepting: one notification per request, and a thousand."""

from collections.abc import Callable
from dataclasses import replace

from bench.caller import ITEMS, PEOPLE
from bench.reading import Goal, Reading, Rounds
from bench.scenario import Scenario, scaled
from bench.stand import Spending, Stand
from notifysite.stack.processes import Process, processes
from notifysite.stack.testbed import free_port
from tests.chaos.stand.crew import Crew, answers

SECONDS, WARM_SECONDS = 8.0, 2.0
WEBS = 2
LINES = 16
COPIED = 200_000
OURS, BARE = "notifysite.asgi:application", "bench.peers.bare.asgi:application"


def us(stand: Stand, scale: float) -> Reading:
    """Two web processes, a request for each notification to somebody who is known."""
    return _us(stand, scale, "one", "notifications")


def us_keyed(stand: Stand, scale: float) -> Reading:
    """The same, each request with an Idempotency-Key."""
    return _us(stand, scale, "one", "notifications", "--keyed")


def us_bulk(stand: Stand, scale: float) -> Reading:
    """The same processes, with a thousand notifications in each request."""
    found = _us(stand, scale, "many", "notifications/bulk", "--lines", WEBS)
    return replace(found, operations=found.operations * ITEMS)


def bare(stand: Stand, scale: float) -> Reading:
    """A bare Django view that inserts one row, in two processes of the same server."""
    database = stand.database("bare")
    env = stand.environment(database, DJANGO_SETTINGS_MODULE="bench.peers.bare.settings")
    stand.run("bench.peers.bare.tables", env=env)
    crew = Crew(stand.folder, spawner=stand.spawner, env=env)
    try:
        for number in range(WEBS):
            crew.run(_bare_web(number, free_port(), crew))
        urls = [f"{url}/rows" for url in crew.urls]
        found = _measured(stand, scale, "one", urls, [], lambda: stand.spent_by(crew))
    finally:
        crew.end()
    stand.drop("bare")
    return found


def copy(stand: Stand, scale: float) -> Reading:
    """COPY of rows that were written before, from one connection."""
    rows, database = scaled(COPIED, scale, least=5_000), stand.database("copy")
    stand.rest()
    before = stand.database_cpu()
    told = stand.run("bench.peers.copy", rows, env=stand.environment(database))
    spent = stand.database_cpu() - before
    stand.drop("copy")
    return Reading(operations=rows, seconds=told["seconds"], own=told["cpu"], database=spent)


def _us(stand: Stand, scale: float, body: str, path: str, *words: object) -> Reading:
    with stand.product(people=PEOPLE) as product:
        product.start(*["web"] * WEBS)
        urls = [f"{url}/api/v1/{path}" for url in product.crew.urls]
        given = ["--key", stand.key, *words]
        return _measured(stand, scale, body, urls, given, product.spent)


def _measured(
    stand: Stand,
    scale: float,
    body: str,
    urls: list[str],
    words: list[object],
    spent: Callable[[], Spending],
) -> Reading:
    def hammer(seconds: float) -> dict[str, float]:
        given = ["--lines", LINES, *words, "--seconds", max(0.5, seconds * scale)]
        told = stand.run("bench.caller", "hammer", body, *urls, *given, env=stand.environment(None))
        if told["statuses"].keys() != {"202"}:
            raise RuntimeError(f"answers: {told['statuses']}")
        return told

    hammer(WARM_SECONDS)
    stand.rest()
    before = spent()
    told = hammer(SECONDS)
    took = spent().since(before)
    return Reading(
        operations=int(told["requests"]),
        seconds=told["seconds"],
        own=took.own,
        database=took.database,
        numbers={name: told[name] for name in ("p50_ms", "p99_ms")},
    )


def _bare_web(number: int, port: int, crew: Crew) -> Process:
    """As the product's web process is run, with another application."""
    (web,) = (one for one in processes(port) if one.name == "web")
    url = f"http://127.0.0.1:{port}"
    crew.urls.append(url)
    return replace(
        web,
        name=f"bare-{number}",
        command=tuple(BARE if word == OURS else word for word in web.command),
        ready=lambda _pid: answers(f"{url}/healthz"),
    )


def goals(rounds: Rounds) -> list[Goal]:
    """What the product is to reach."""
    return [
        Goal(
            text="requests/s ÷ a bare view on the same server",
            reached=rounds.ratio("us", "bare"),
            at_least=0.7,
        ),
        Goal(
            text="items/s of bulk requests ÷ COPY",
            reached=rounds.ratio("us_bulk", "copy"),
            at_least=0.35,
        ),
    ]


SCENARIO = Scenario(
    name="accept",
    title="Accepting",
    unit="item",
    method="Two web processes, called by one process over 16 kept connections (bulk: 2); people "
    "are known, nothing is sent meanwhile. The bare view runs in the same server, with the same "
    "handler in as many threads, and inserts one row of five columns by Django's ORM. COPY "
    "fills a table of 15 columns and three indexes from one connection.",
    contenders={"us": us, "bare": bare, "us_keyed": us_keyed, "us_bulk": us_bulk, "copy": copy},
    goals=goals,
)
