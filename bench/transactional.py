"""Transactional email: from the request to the mail server, idle and beside a campaign."""

import time
from typing import Any

from bench import content
from bench.mailbox import Letter, Mailbox
from bench.reading import Goal, Reading, Rounds, percentile
from bench.scenario import Scenario, scaled
from bench.stand import Product, Stand

RATE = 50.0  # a second
NUMBER = 1_000
CAMPAIGN = 100_000
WARM = 100
UNDER_WAY_SECONDS = 2.0  # until the pump has seen the campaign
LANES = ("worker-critical", "worker-default", "worker-bulk")


def idle(stand: Stand, scale: float) -> Reading:
    """Nothing else happens."""
    return _measured(stand, scaled(NUMBER, scale), campaign=0)


def beside_bulk(stand: Stand, scale: float) -> Reading:
    """While a campaign drains through the bulk worker; what came after its end does not count."""
    return _measured(stand, scaled(NUMBER, scale), campaign=scaled(CAMPAIGN, scale, least=200))


def _measured(stand: Stand, number: int, *, campaign: int) -> Reading:
    """People are numbered: to warm up, to be measured, of the campaign."""
    measured, people = range(WARM, WARM + number), WARM + number + campaign
    with (
        Mailbox(stand.folder, env=stand.environment(None)) as mailbox,
        stand.product(people=people, EMAIL_URL=mailbox.url) as product,
    ):
        product.start("web", *LANES, "pump")
        pace(product, range(WARM))
        mailbox.wait_for(content.written_to(WARM), within=120)
        if campaign:
            product.order_ahead(campaign, first=measured.stop)
            time.sleep(UNDER_WAY_SECONDS)
        before = product.spent()
        times = pace(product, measured)
        spent = product.spent().since(before)
        mailbox.wait_for(content.written_to(people), within=60 + campaign / 200)
        letters = mailbox.letters()
    campaign_end = max((one.at for one in letters if _person(one) >= measured.stop), default=None)
    waits = _waits(times, letters, until=campaign_end)
    return Reading(
        operations=number,
        seconds=number / RATE,
        own=spent.own,
        database=spent.database,
        numbers={"measured": len(waits), **_percentiles(waits)},
    )


def pace(
    product: Product, people: range, *, body: str = "single"
) -> dict[int, tuple[float, float]]:
    """Post for each of these people at the pace; when each request began and was answered."""
    url = f"{product.crew.urls[0]}/api/v1/notifications"
    words: list[Any] = ["--key", product.stand.key, "--first", people.start, "--rate", RATE]
    words += ["--seconds", len(people) / RATE]
    env = product.stand.environment(None)
    told = product.stand.run("bench.caller", "pace", body, url, *words, env=env)
    if told["statuses"].keys() != {"202"}:
        raise RuntimeError(f"answers: {told['statuses']}")
    return {int(person): (begun, ended) for person, (begun, ended) in told["times"].items()}


def _waits(
    times: dict[int, tuple[float, float]], letters: list[Letter], *, until: float | None
) -> list[float]:
    """Milliseconds from the begin of a request to its letter, of those begun before `until`."""
    came = {_person(one): one.at for one in letters}
    return [
        1000 * (came[person] - begun)
        for person, (begun, _) in times.items()
        if person in came and (until is None or begun < until)
    ]


def _percentiles(waits: list[float]) -> dict[str, float]:
    return {f"p{share}_ms": percentile(waits, share / 100) for share in (50, 95, 99)}


def _person(letter: Letter) -> int:
    return int(letter.recipient.partition("@")[0].removeprefix("p"))


def goals(rounds: Rounds) -> list[Goal]:
    """What the product is to reach."""
    return [
        Goal(text="p50 idle, ms", reached=rounds.number("idle", "p50_ms"), at_most=8),
        Goal(text="p99 idle, ms", reached=rounds.number("idle", "p99_ms"), at_most=25),
        Goal(
            text="p95 beside the campaign ÷ p95 idle",
            reached=rounds.ratio("beside_bulk", "idle", lambda one: one.numbers["p95_ms"]),
            at_most=3,
        ),
    ]


SCENARIO = Scenario(
    name="transactional",
    title="Transactional email",
    unit="letter",
    method="50 requests a second, each for one person, whether or not the last has been answered. "
    "A letter's time is from the moment its request is sent to the moment the mail server has all "
    "of the letter, which it answers at once: it holds the accepting, too. One web process, a "
    "worker per lane, the pump.",
    contenders={"idle": idle, "beside_bulk": beside_bulk},
    goals=goals,
)
