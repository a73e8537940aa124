"""A slow other side: what one worker reaches where each answer takes 50 milliseconds."""

from bench.mailbox import Mailbox, span
from bench.reading import Goal, Reading, Rounds
from bench.scenario import Scenario, scaled
from bench.stand import Stand

MESSAGES, WARM = 10_000, 500
DELAY = 0.05  # seconds
THREADED = {"DJANGO_SETTINGS_MODULE": "bench.threaded_settings"}


def smtp(stand: Stand, scale: float) -> Reading:
    """A mail server, with the provider's options as they come: 8 connections, 160 a second at
    the very most."""
    return _measured(stand, scale, speak="smtp", type="parcel")


def smtp_100(stand: Stand, scale: float) -> Reading:
    """The same with 100 threads."""
    return _measured(stand, scale, speak="smtp", type="parcel", **THREADED)


def http_100(stand: Stand, scale: float) -> Reading:
    """A provider's HTTP API, with 100 threads."""
    return _measured(stand, scale, speak="http", type="text", **THREADED)


def _measured(stand: Stand, scale: float, *, speak: str, type: str, **env: str) -> Reading:
    number, warm = scaled(MESSAGES, scale), scaled(WARM, scale)
    own = stand.environment(None)
    with Mailbox(stand.folder, env=own, delay=DELAY, speak=speak) as mailbox:
        env[{"smtp": "EMAIL_URL", "http": "BENCH_HTTP_URL"}[speak]] = mailbox.url
        with stand.product(people=number + warm, **env) as product:
            product.start("worker-bulk", "pump")
            product.order(warm, type=type)
            product.await_rest(warm)
            already = mailbox.count()
            before = product.order_ahead(number, first=warm, type=type)
            product.await_rest(warm + number, within=60 + number / 50)
            spent = product.spent().since(before)
        letters = mailbox.letters()[already:]
    return Reading(
        operations=len(letters), seconds=span(letters), own=spent.own, database=spent.database
    )


def goals(rounds: Rounds) -> list[Goal]:
    """What the product is to reach."""
    return [
        Goal(
            text=f"deliveries/s of one worker, {words}",
            reached=rounds.figure(name, lambda reading: reading.rate),
            at_least=1000,
        )
        for name, words in {
            "smtp_100": "SMTP, 100 threads",
            "http_100": "HTTP, 100 threads",
        }.items()
    ]


SCENARIO = Scenario(
    name="latency",
    title="A slow other side",
    unit="delivery",
    method="One bulk worker and the pump; the mail server, or the provider's HTTP API, answers "
    "each message after 50 ms. From the first message to the last. As it comes a provider opens 8 "
    "connections, which such a server holds to 160 letters a second: that one has no goal.",
    contenders={"smtp": smtp, "smtp_100": smtp_100, "http_100": http_100},
    goals=goals,
)
