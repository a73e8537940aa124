"""Fanning out: from a topic's subscribers to a notification for each."""

from bench import accept
from bench.reading import Goal, Reading, Rounds
from bench.scenario import Scenario, scaled
from bench.stand import Stand

SUBSCRIBERS = 100_000


def us(stand: Stand, scale: float) -> Reading:
    """One process that does nothing else makes the notifications of one audience."""
    number = scaled(SUBSCRIBERS, scale, least=5_000)
    with stand.product(people=0) as product:
        product.fill("subscribers", number, key=stand.key)
        stand.rest()
        before = stand.database_cpu()
        told = stand.run("bench.expand", env=product.env)
        spent = stand.database_cpu() - before
    if told["made"] != number:
        raise RuntimeError(f"{told['made']} notifications for {number} people")
    return Reading(operations=number, seconds=told["seconds"], own=told["cpu"], database=spent)


def goals(rounds: Rounds) -> list[Goal]:
    """What the product is to reach."""
    return [
        Goal(text="rows/s of an audience ÷ COPY", reached=rounds.ratio("us", "copy"), at_least=0.6)
    ]


SCENARIO = Scenario(
    name="fanout",
    title="Fanning out",
    unit="row",
    method="A topic's subscribers become notifications, in one process and in transactions of "
    "5,000 rows; nothing is planned meanwhile. COPY fills a table of 15 columns and three indexes "
    "from one connection with as many rows at a time.",
    contenders={"us": us, "copy": accept.copy},
    goals=goals,
)
