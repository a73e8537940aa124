"""The oracle: what was accepted, what the provider took, and what the database says, compared.

The laws it judges by, for every fault:

- lost = accepted - delivered - explained = 0. Delivered is what the ledger (or, in-app, the inbox)
  holds; explained is what ended unsent in a state with a reason, or was skipped by its decision.
- Every line of the ledger is either a try that was recorded as accepted, found by the provider's
  own id, or a try whose answer was lost: lines(d) - recorded(d) <= unknown(d); and hence
  copies(d) = lines(d) - 1 <= unknown(d).
- What the database calls accepted by the provider is in the ledger.
- No delivery has more than five tries without an answer.
- Nothing is left due, leased or untold once the stand has come to rest.
- What the API accepted is what the database holds, neither more nor less.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.stand.database import Database

# The numbers of delivery.lifecycle and notifications.words, as the tables hold them.
QUEUED, SENDING, SENT, DELIVERED, UNCERTAIN = 1, 2, 3, 4, 20
UNSENT = {10, 11, 12, 13, 14, 15, UNCERTAIN}  # ended, or visibly in doubt
ACCEPTED, UNKNOWN = (1, 2), 7  # outcomes of attempts
OVER = {3, 10, 11}  # notifications that are done, cancelled or expired
MOST_UNKNOWN = 5

_NOTIFICATIONS = "SELECT id::text, status FROM notification"
_DELIVERIES = """
    SELECT d.id::text, d.notification_id::text, d.channel, d.state, d.reason, i.id IS NOT NULL
    FROM delivery AS d LEFT JOIN inbox_item AS i ON i.id = d.id
"""
_ATTEMPTS = "SELECT delivery_id::text, outcome, provider_ref FROM delivery_attempt"
_OPEN = f"""
    SELECT (SELECT count(*) FROM notification WHERE status IN (1, 2))
         + (SELECT count(*) FROM delivery WHERE state IN ({QUEUED}, {SENDING}))
         + (SELECT count(*) FROM delivery_announcement)
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One delivery."""

    notification: str
    channel: int
    state: int
    reason: int | None
    in_inbox: bool


@dataclass(slots=True)
class Account:
    """The sums of one run; `broken` says in words which laws did not hold."""

    accepted: int = 0
    delivered: int = 0
    explained: int = 0
    copies: int = 0
    most_copies: int = 0  # of one message, the first included
    unknown: int = 0  # tries whose answer was lost
    unknown_taken: int = 0  # of these, how many the provider had taken
    states: dict[int, int] = field(default_factory=dict)  # deliveries by where they ended
    broken: list[str] = field(default_factory=list)

    @property
    def lost(self) -> int:
        return self.accepted - self.delivered - self.explained

    def law(self, sentence: str, offenders: Iterable[Any]) -> None:
        """Note a law that should hold, with the first few that break it."""
        if found := list(offenders):
            self.broken.append(
                f"{sentence}: {len(found)}, such as {', '.join(map(str, found[:3]))}"
            )


def open_work(database: Database) -> int:
    """How many rows wait for something to be done about them."""
    return int(database.number(_OPEN))


def audit(
    database: Database, *, accepted: Iterable[str], ledger: Iterable[Mapping[str, Any]]
) -> Account:
    """Compare the three; the stand has to be at rest."""
    account, asked = Account(), set(accepted)
    known: dict[str, int] = dict(database.sql(_NOTIFICATIONS))
    rows = {id_: Row(*values) for id_, *values in database.sql(_DELIVERIES)}
    lines, refs = Counter[str](), {}
    for entry in ledger:
        lines[entry["reference"]] += 1
        refs[entry["id"]] = entry["reference"]
    _accept(account, asked, known, rows, lines)
    _compare_tries(account, database, lines, refs)
    _look_for_leftovers(account, known, rows)
    return account


def _accept(
    account: Account,
    asked: set[str],
    known: Mapping[str, int],
    rows: Mapping[str, Row],
    lines: Mapping[str, int],
) -> None:
    account.law("accepted, and not in the database", asked - known.keys())
    account.law("in the database, and accepted for nobody", known.keys() - asked)
    account.law("taken by the provider, and no delivery", lines.keys() - rows.keys())
    with_rows = {row.notification for row in rows.values()}
    without = asked - with_rows
    # A message is one delivery, or a notification that was decided to make none.
    account.accepted = len(without) + sum(row.notification in asked for row in rows.values())
    account.explained = sum(known.get(id_) in OVER for id_ in without)
    account.states = dict(Counter(row.state for row in rows.values()))
    missing = []
    for id_, row in rows.items():
        if id_ in lines or row.in_inbox:
            account.delivered += 1
        elif row.state in UNSENT and row.reason is not None:
            account.explained += 1
        else:
            missing.append(f"{id_} (state {row.state})")
    account.law("lost", missing)
    account.copies = sum(lines.values()) - len(lines)
    account.most_copies = max(lines.values(), default=0)


def _compare_tries(
    account: Account, database: Database, lines: Mapping[str, int], refs: Mapping[str, str]
) -> None:
    recorded, unknown, phantom = Counter[str](), Counter[str](), []
    for delivery, outcome, ref in database.sql(_ATTEMPTS):
        unknown[delivery] += outcome == UNKNOWN
        if outcome in ACCEPTED and ref:
            recorded[delivery] += 1
            if refs.get(ref) != delivery:
                phantom.append(ref)
    unrecorded = {id_: count - recorded[id_] for id_, count in lines.items()}
    account.unknown = sum(unknown.values())
    account.unknown_taken = sum(unrecorded.values())
    account.law("recorded as accepted, and not in the ledger", phantom)
    account.law(
        "taken more often than tries without an answer explain",
        (
            f"{id_} ({count} lines, {recorded[id_]} recorded, {unknown[id_]} unknown)"
            for id_, count in lines.items()
            if unrecorded[id_] > unknown[id_] or count - 1 > unknown[id_]
        ),
    )
    account.law(
        "tried more than five times without an answer",
        (id_ for id_, count in unknown.items() if count > MOST_UNKNOWN),
    )


def _look_for_leftovers(
    account: Account, known: Mapping[str, int], rows: Mapping[str, Row]
) -> None:
    stuck = [f"{id_} (status {status})" for id_, status in known.items() if status not in OVER]
    account.law("notifications that are not over", stuck)
    waiting = [f"{id_} (state {row.state})" for id_, row in rows.items() if row.state <= SENDING]
    account.law("deliveries that are still ours to send", waiting)
