"""Bulk email: one letter for each person, decided, rendered and recorded."""

from bench import content
from bench.mailbox import Mailbox, most_copies, span
from bench.reading import Goal, Reading, Rounds
from bench.scenario import Scenario, scaled
from bench.stand import Stand

LETTERS, POST_OFFICE, MASS_MAIL, NAIVE = 30_000, 8_000, 5_000, 1_000
SMTPLIB_PROCESSES = 2
WARM = 2_000  # in two batches and more, so that each worker has its share
SENT = "SELECT count(*) FROM delivery WHERE state = 3"
PEER = "bench.peers"


def us(stand: Stand, scale: float) -> Reading:
    """Two bulk workers and the pump, warm, on notifications that were accepted before."""
    number, warm = scaled(LETTERS, scale), scaled(WARM, scale)
    env = stand.environment(None)
    with (
        Mailbox(stand.folder, env=env) as mailbox,
        stand.product(people=number + warm, EMAIL_URL=mailbox.url) as product,
    ):
        product.start("worker-bulk", "worker-bulk", "pump")
        product.warm_up(mailbox, warm)
        wanted, messages = content.written_to(number, first=warm), stand.broker_messages()
        already, before = mailbox.count(), product.order_ahead(number, first=warm)
        mailbox.wait_for(already + wanted, within=60 + number / 100)
        product.await_rest(warm + number)
        spent = product.spent().since(before)
        messages = stand.broker_messages() - messages
        letters = mailbox.letters()
        sent = product.database.number(SENT)
    if (sent, most_copies(letters)) != (len(letters), 1):
        raise RuntimeError(
            f"{len(letters)} letters, {sent} recorded, up to {most_copies(letters)} to one person"
        )
    return Reading(
        operations=wanted,
        seconds=span(letters[already:]),
        own=spent.own,
        database=spent.database,
        numbers={"messages_per_1000": 1000 * messages / number},
    )


def smtplib(stand: Stand, scale: float) -> Reading:
    """Bare smtplib in two processes, messages built before, on kept connections."""
    number = scaled(LETTERS, scale)
    env = stand.environment(None)
    with Mailbox(stand.folder, env=env) as mailbox:
        told = stand.run(f"{PEER}.smtp", mailbox.port, number, SMTPLIB_PROCESSES, env=env)
        letters = mailbox.letters()
    return Reading(operations=number, seconds=span(letters), own=told["cpu"])


def mass_mail(stand: Stand, scale: float) -> Reading:
    """Django's mail as send_mass_mail sends it: one process and connection, nothing recorded."""
    number = scaled(MASS_MAIL, scale)
    env = stand.environment(None)
    with Mailbox(stand.folder, env=env) as mailbox:
        told = stand.run(f"{PEER}.mass_mail", mailbox.port, number, env=env)
        letters = mailbox.letters()
    return Reading(operations=number, seconds=span(letters), own=told["cpu"])


def post_office(stand: Stand, scale: float) -> Reading:
    """django-post-office, two processes of four threads; rendered before, when it was queued."""
    number = scaled(POST_OFFICE, scale)
    database = stand.database("post_office")
    settings = {"DJANGO_SETTINGS_MODULE": f"{PEER}.post_office.settings"}
    with Mailbox(stand.folder, env=stand.environment(None)) as mailbox:
        env = stand.environment(database, EMAIL_URL=mailbox.url, **settings)
        queued = stand.run(f"{PEER}.post_office.queue", number, env=env)
        stand.rest()
        before = stand.database_cpu()
        sent = stand.run(f"{PEER}.post_office.send", number, env=env)
        spent = stand.database_cpu() - before
        letters = mailbox.letters()
    stand.drop("post_office")
    return Reading(
        operations=len(letters),
        seconds=span(letters),
        own=sent["cpu"],
        database=spent,
        numbers={"queued_per_second": queued["rate"], "queue_cpu_us": queued["cpu_us"]},
    )


def naive(stand: Stand, scale: float) -> Reading:
    """A Celery task for each notification, two prefork processes, everything by default."""
    number = scaled(NAIVE, scale, least=40)
    warm = number // 10
    database = stand.database("naive")
    settings = {"DJANGO_SETTINGS_MODULE": f"{PEER}.naive.settings"}
    with Mailbox(stand.folder, env=stand.environment(None)) as mailbox:
        env = stand.environment(database, EMAIL_URL=mailbox.url, **settings)
        stand.run(f"{PEER}.naive.queue", number, env=env)
        stand.rest()
        with stand.process(
            "celery", "-A", f"{PEER}.naive", "worker", "--concurrency=2", env=env
        ) as celery:
            mailbox.wait_for(warm, within=120)
            first, before = mailbox.count(), celery.spent()
            mailbox.wait_for(number, within=60 + number / 5)
            spent = celery.spent().since(before)
        letters = mailbox.letters()
    stand.drop("naive")
    return Reading(
        operations=number - first,
        seconds=letters[-1].at - letters[first].at,
        own=spent.own,
        database=spent.database,
    )


def goals(rounds: Rounds) -> list[Goal]:
    """What the product is to reach."""
    return [
        Goal(
            text="deliveries/s ÷ django-post-office",
            reached=rounds.ratio("us", "post_office"),
            at_least=4,
        ),
        Goal(
            text="deliveries/s ÷ bare smtplib, 2 processes",
            reached=rounds.ratio("us", "smtplib"),
            at_least=0.6,
        ),
        Goal(
            text="CPU of worker and pump per delivery, µs",
            reached=rounds.figure("us", lambda reading: reading.own_us),
            at_most=200,
        ),
        Goal(
            text="CPU of PostgreSQL per delivery, µs",
            reached=rounds.figure("us", lambda reading: reading.database_us),
            at_most=80,
        ),
        Goal(
            text="broker messages per 1,000 accepted in bulk, to the last delivery",
            reached=rounds.number("us", "messages_per_1000"),
            at_most=20,
        ),
    ]


SCENARIO = Scenario(
    name="bulk",
    title="Bulk email",
    unit="delivery",
    method="From the first letter at the mail server to the last one, of warm processes. Ours are "
    "decided (preferences, suppression), rendered in Liquid, sent, recorded and counted; half "
    "the people have chosen, one in a hundred is suppressed and not counted. "
    "django-post-office has rendered when it queued, which is not in its time; mass_mail and "
    "smtplib record nothing.",
    contenders={
        "us": us,
        "post_office": post_office,
        "smtplib": smtplib,
        "mass_mail": mass_mail,
        "naive": naive,
    },
    goals=goals,
)
