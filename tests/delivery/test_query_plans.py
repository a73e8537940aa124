"""What the hot statements cost does not grow with history: none of them reads past months."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection

from delivery import queue, replay
from delivery.contracts import Outcome
from delivery.feedback import engagement, folding, matching, parking
from delivery.lifecycle import OutcomeKind, State
from delivery.queue import Row, Settled, leasing, limbo, making, settling
from delivery.verdicts import Verdict
from notifications import replaying
from notifications.planning import observe, plan
from notifysite.plumbing import partitions
from notifysite.plumbing.statements import Statement

pytestmark = pytest.mark.django_db

BATCH = 500
MANY = 2_000
_SCAN = re.compile(r"Scan .*on .* rows=(?P<rows>\d+)")

# Old rows lie in past months and are finished; a batch of this month is due.
_FILL = """
    INSERT INTO {table} ({columns}, id, {at})
    SELECT {values}, overlay(
            overlay(md5(%(salt)s || n)::text PLACING lpad(to_hex(
                (EXTRACT(epoch FROM at) * 1000)::bigint), 12, '0') FROM 1 FOR 12)
            PLACING '7' FROM 13 FOR 1)::uuid, at
    FROM generate_series(1, %(count)s) AS n,
        LATERAL (SELECT clock_timestamp() - %(months)s * (1 + n %% 3) * interval '29 days') AS t(at)
"""
_DELIVERIES = {
    "table": "delivery",
    "columns": "notification_id, recipient_id, channel, step, lane, mode, uncertain, state,"
    " provider, due_at, accepted_at, person_changed_at, attempts, unknowns",
    "values": "gen_random_uuid(), n, 1, 1, 2, 1, 1, %(state)s, '', at, at, at, 1, 0",
}
_NOTIFICATIONS = {
    "table": "notification",
    "columns": "request_id, service_id, key_id, recipient_id, type_id, mode, priority, lane,"
    " status, locale, due_at",
    "values": "gen_random_uuid(), 1, 1, n, 1, 1, 3, 2, %(state)s, '', at",
}
_ATTEMPTS = {
    "table": "delivery_attempt",
    "columns": "delivery_id, number, provider, outcome, code, detail, provider_ref, took_ms",
    "values": "gen_random_uuid(), 1, 'scripted', %(state)s, '', '', %(state)s || '-' || n, 0",
}
_ENGAGEMENTS = {
    "table": "delivery_engagement",
    "columns": "notification_id",
    "values": "gen_random_uuid()",
    "at": "opened_at",
}


@pytest.fixture
def history(db: None) -> None:
    """Three months of it."""
    with connection.cursor() as cursor:
        for layout in (_DELIVERIES, _NOTIFICATIONS, _ATTEMPTS, _ENGAGEMENTS):
            for start, end in partitions.months(datetime.now(UTC), behind=4):
                cursor.execute(partitions.create_month(layout["table"], start, end))
            statement = _FILL.format(**{"at": "created_at"} | layout)
            for state, count, months in ((State.SENT, 18_000, 1), (State.QUEUED, BATCH, 0)):
                values = {"salt": uuid4().hex, "count": count, "months": months, "state": state}
                cursor.execute(statement, values)
            cursor.execute(f"ANALYZE {layout['table']}")


def reads_past_months(statement: str | Statement, values: Any) -> bool:
    """Whether a plan reads whole months of rows to find some that it has the ids of."""
    with connection.cursor() as cursor:
        if isinstance(statement, Statement):
            with connection.execute_wrapper(explaining):
                statement.run(cursor, **values)
        else:
            cursor.execute(f"EXPLAIN {statement}", values)
        scans = [_SCAN.search(line) for (line,) in cursor.fetchall()]
    return any(int(scan["rows"]) > MANY for scan in scans if scan)


def explaining(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    return execute(sql.replace("EXECUTE", "EXPLAIN EXECUTE"), params, many, context)


def due(table: str, column: str) -> Sequence[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id FROM {table} WHERE {column} = 1")
        return [id_ for (id_,) in cursor.fetchall()]


def settled_now(ids: Sequence[UUID]) -> dict[str, Any]:
    now, token = datetime.now(UTC), uuid4()
    return settling._settle_parameters(
        [
            Settled(
                Row(id_, uuid4(), 1, 1, None, 1, 1, 2, 1, 1, 0, 0, "", now, now, None, now, 0.0),
                token,
                "scripted",
                Outcome(reference=id_, kind=OutcomeKind.ACCEPTED),
                Verdict(state=State.SENT),
            )
            for id_ in ids
        ],
        lane=2,
    )


def saving(ids: Sequence[UUID]) -> dict[str, Any]:
    count, now = len(ids), datetime.now(UTC)
    delivery = dict.fromkeys(making._NEW, 1) | {
        "address_hash": b"h", "expires_at": now, "accepted_at": now, "person_changed_at": now,
        "lease": None,
    }  # fmt: skip
    return {
        **partitions.span(ids),
        **queue.new([delivery | {"id": uuid4(), "notification_id": id_} for id_ in ids]),
        "ids": ids,
        "token": uuid4(),
        "statuses": [2] * count,
        "reasons": [None] * count,
        "digests": [b"d"],
        "places": [1] * count,
        "dues": [None] * count,
    }


def folding_of(ids: Sequence[UUID]) -> list[tuple[str, Any]]:
    """What news about a batch costs."""
    now, last = datetime.now(UTC), max(ids)
    moved = {
        "ids": ids,
        "states": [int(State.DELIVERED)] * len(ids),
        "reasons": [None] * len(ids),
        "sents": [now] * len(ids),
        "delivereds": [now] * len(ids),
    }
    opened = {id_: {"opened_at": now} for id_ in ids}
    refs = [f"{State.QUEUED:d}-{n}" for n in range(BATCH)]
    return [
        (matching._BY_REF, {"providers": ["scripted"], "refs": refs}),
        (matching._LOCK, [ids]),
        (matching._TRIED, {"ids": ids, "low": min(ids), "high": last}),
        (folding._MOVE, moved),
        (engagement._KEEP, engagement._first_times(opened, {id_: id_ for id_ in ids})),
        (parking._LOOK, [BATCH]),
    ]


def test_work_reads_the_rows_it_is_about(history: None) -> None:
    claim = {"lane": 2, "channels": [1, 2], "token": uuid4(), "limit": BATCH}
    deliveries, notifications = due("delivery", "state"), due("notification", "status")
    assert (len(deliveries), len(notifications)) == (BATCH, BATCH)

    leases = leasing._leased([(id_, uuid4()) for id_ in deliveries], State.QUEUED)
    statements: list[tuple[str, Any]] = [
        (leasing._CLAIM, claim),
        (limbo._LIMBO, claim),
        (leasing._MARK, {**leases, "provider": "scripted"}),
        (leasing._RENEW, leases),
        (leasing._RELEASE, {**leases, "waits": [0.0] * BATCH}),
        (leasing._DUE_LANES, {"lanes": [1, 2, 3], "channels": [1, 2]}),
        (settling._SETTLE, settled_now(deliveries)),
        (plan._CLAIM, claim),
        (plan._SAVE, saving(notifications)),
        (observe._MOVE, {"ids": notifications, **partitions.span(notifications)}),
        (replay._LOOK, [deliveries]),
        (replay._QUEUE, {"ids": deliveries, "first": datetime.now(UTC), "apart": 0.02}),
        (replaying._LOCK, [deliveries]),
        (replaying._REOPEN, [deliveries]),
        *folding_of(deliveries),
    ]

    assert [one for one, values in statements if reads_past_months(one, values)] == []
