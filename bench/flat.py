"""Nothing grows: memory with the number of recipients, or cost with the number of finished rows."""

from functools import partial

import psycopg2

from bench import content, cpu, history
from bench.mailbox import Mailbox, span
from bench.reading import Goal, Reading, Rounds
from bench.scenario import Scenario, scaled
from bench.stand import Product, Stand

RECIPIENTS, WARM = 200_000, 2_000
LETTERS = 10_000
CLAIMS = 20_000


def memory(stand: Stand, scale: float) -> Reading:
    """How many MiB the worker that grew most has gained since it was warm."""
    number = scaled(RECIPIENTS, scale)
    with (
        Mailbox(stand.folder, env=stand.environment(None)) as mailbox,
        stand.product(people=number + WARM, EMAIL_URL=mailbox.url) as product,
    ):
        product.start("worker-bulk", "worker-bulk", "pump")
        product.warm_up(mailbox, WARM)
        return _drained(product, mailbox, number)


def beside_history(stand: Stand, scale: float, *, rows: int) -> Reading:
    """Letters beside so many finished rows."""
    number, past = scaled(LETTERS, scale), scaled(rows, scale)
    with (
        Mailbox(stand.folder, env=stand.environment(None)) as mailbox,
        stand.product(people=number + WARM, EMAIL_URL=mailbox.url) as product,
    ):
        product.start("worker-bulk", "worker-bulk", "pump")
        product.warm_up(mailbox, WARM)
        _remember(product, past)
        return _drained(product, mailbox, number)


def claim(stand: Stand, scale: float, *, rows: int) -> Reading:
    """Claim due rows beside so many finished ones, in one process that does nothing else."""
    with (
        Mailbox(stand.folder, env=stand.environment(None)) as mailbox,
        stand.product(people=WARM, EMAIL_URL=mailbox.url) as product,
    ):
        product.start("worker-bulk", "pump")
        product.warm_up(mailbox, WARM)
        product.crew.end()
        _remember(product, scaled(rows, scale), tables=("delivery",))
        stand.rest()
        before = stand.database_cpu()
        told = stand.run("bench.claims", scaled(CLAIMS, scale), env=product.env)
        spent = stand.database_cpu() - before
    return Reading(operations=told["claimed"], seconds=told["seconds"], database=spent)


def _drained(product: Product, mailbox: Mailbox, number: int) -> Reading:
    """Have so many accepted and sent by workers that are warm."""
    workers = product.crew.of("worker")
    held, already = [cpu.resident(worker.pid) for worker in workers], mailbox.count()
    before = product.order_ahead(number, first=WARM)
    wanted = content.written_to(number, first=WARM)
    mailbox.wait_for(already + wanted, within=60 + number / 100)
    product.await_rest(WARM + number)
    spent = product.spent().since(before)
    grown = [cpu.resident(worker.pid) - was for worker, was in zip(workers, held, strict=True)]
    return Reading(
        operations=wanted,
        seconds=span(mailbox.letters()[already:]),
        own=spent.own,
        database=spent.database,
        numbers={"grown_mib": max(grown), "worker_mib": max(held)},
    )


def _remember(product: Product, rows: int, tables: tuple[str, ...] = history.STORY) -> None:
    """Add so many finished rows."""
    with psycopg2.connect(product.database.url) as connection, connection.cursor() as cursor:
        for table in tables:
            history.multiply(cursor, table, rows)
    product.database.sql("VACUUM (ANALYZE)")


def goals(rounds: Rounds) -> list[Goal]:
    """What the product is to reach."""
    return [
        Goal(
            text="MiB by which a worker grows over 200,000 recipients",
            reached=rounds.number("memory", "grown_mib"),
            at_most=50,
        ),
        Goal(
            text="claims/s beside 3 million finished rows ÷ beside 0.2 million",
            reached=rounds.ratio("claim_3m", "claim_200k"),
            at_least=0.9,
        ),
        Goal(
            text="CPU per delivery at 1 million rows of history ÷ at 10,000",
            reached=rounds.ratio(
                "history_1m", "history_10k", lambda one: one.own_us + one.database_us
            ),
            at_most=1.2,
        ),
    ]


SCENARIO = Scenario(
    name="flat",
    title="Nothing grows",
    unit="row",
    method="Memory is what a worker holds after 200,000 letters less what it held when it was "
    "warm. History is made by the database from letters that were really sent: notifications, "
    "deliveries and attempts for the cost of a delivery, deliveries for the claim.",
    contenders={
        "memory": memory,
        "history_10k": partial(beside_history, rows=10_000),
        "history_1m": partial(beside_history, rows=1_000_000),
        "claim_200k": partial(claim, rows=200_000),
        "claim_3m": partial(claim, rows=3_000_000),
    },
    goals=goals,
)
