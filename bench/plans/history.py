"""Three months of finished notifications and a few thousand due ones, made by the database."""

from datetime import UTC, datetime

from django.db import connection

from delivery.lifecycle import State
from notifications.words import Status
from notifysite.plumbing import partitions

PEOPLE = 50_000
DUE = 3_000
DAYS = 80

_PEOPLE = """
    INSERT INTO recipient (user_id, subject, locale, timezone)
    SELECT 'user-' || n, gen_random_uuid(), '', '' FROM generate_series(1, %(people)s) AS n
"""
_CATALOG = """
    INSERT INTO service (key, name, active)
    SELECT 'service-' || n, 'Service', true FROM generate_series(1, 3) AS n;
    INSERT INTO category (key, name, description, translations, kind, mandatory, default_channels,
        position) VALUES ('orders', 'Orders', '', '{}', 2, false, '{1}', 1);
    INSERT INTO notification_type (key, name, description, category_id, priority, active,
        data_schema, sample_data, sensitive, uncertain, over_cap, tracking,
        email_interrupts, changed_at)
    SELECT 'type_' || n, 'Type', '', (SELECT id FROM category), 3, true, '{}', '{}', false, 1,
        1, false, true, now()
    FROM generate_series(1, 10) AS n;
    INSERT INTO decision (digest, body) VALUES ('\\x00', '[]');
"""
# An id of a moment: the milliseconds, the version, and what a hash makes of the rest.
_ID = """overlay(overlay(md5({salt} || n) PLACING lpad(to_hex(
    (EXTRACT(epoch FROM at) * 1000)::bigint), 12, '0') FROM 1 FOR 12) PLACING '7' FROM 13 FOR 1
    )::uuid"""
# Most is of one service, of common types, done, and by email; some of everything is rare.
_STORIES = f"""
    CREATE TEMPORARY TABLE story AS
    SELECT n, at, {_ID.format(salt="'n'")} AS id, {_ID.format(salt="'d'")} AS delivery,
        {_ID.format(salt="'a'")} AS attempt, n > %(done)s AS due,
        1 + (n * 7919::bigint) %% %(people)s AS person,
        CASE WHEN n %% 1000 = 0 THEN 3 WHEN n %% 10 = 0 THEN 2 ELSE 1 END AS service,
        CASE WHEN n %% 4999 = 0 THEN 10 ELSE 1 + n %% 9 END AS type,
        CASE WHEN n %% 997 = 0 THEN 2 WHEN n %% 3 = 0 THEN 5 ELSE 1 END AS channel,
        CASE WHEN n > %(done)s THEN {Status.ACCEPTED:d} WHEN n %% 2003 = 0 THEN {Status.EXPIRED:d}
            ELSE {Status.DONE:d} END AS status,
        CASE WHEN n > %(done)s AND n %% 10 = 0 THEN {State.SENDING:d}
            WHEN n > %(done)s THEN {State.QUEUED:d}
            WHEN n %% 499 = 0 THEN {State.DEAD:d} WHEN n %% 9973 = 0 THEN {State.UNCERTAIN:d}
            ELSE {State.SENT:d} END AS state
    FROM generate_series(1, %(done)s + %(due)s) AS n, LATERAL (
        SELECT CASE WHEN n > %(done)s THEN clock_timestamp() - interval '1 minute'
            ELSE clock_timestamp()
                - (%(done)s - n + 1) * (%(days)s * interval '1 day' / %(done)s) END
    ) AS t(at)
"""
_FILL = (
    """
    INSERT INTO notification (id, request_id, service_id, key_id, recipient_id, type_id,
        decision_id, mode, priority, lane, status, locale, due_at, created_at, planned_at,
        cancellation_key)
    SELECT id, id, service, 1, person, type, 1, 1, 3, 2, status, '',
        CASE WHEN due THEN at END, at, at, CASE WHEN n %% 5 = 0 THEN 'order-' || n / 10 END
    FROM story
    """,
    """
    INSERT INTO delivery (id, notification_id, recipient_id, channel, step, lane, mode, uncertain,
        state, reason, provider, attempts, unknowns, due_at, accepted_at, person_changed_at,
        created_at)
    SELECT delivery, id, person, channel, 1, 2, 1, 1, state, CASE WHEN state = 15 THEN 29 END,
        CASE WHEN due THEN '' ELSE 'email' END, 1, 0, CASE WHEN due THEN at END, at, at, at
    FROM story
    """,
    """
    INSERT INTO delivery_attempt (id, delivery_id, number, provider, outcome, code, detail,
        provider_ref, took_ms, created_at)
    SELECT attempt, delivery, 1, 'email', 1, '', '', 'ref-' || n, 5, at FROM story WHERE NOT due
    """,
    """
    INSERT INTO delivery_engagement (id, notification_id, opened_at)
    SELECT delivery, id, at FROM story WHERE n %% 5 = 0
    """,
    """
    INSERT INTO inbox_item (id, notification_id, recipient_id, seq, changed_seq, category, type,
        priority, content, created_at, read_at)
    SELECT delivery, id, person, n, n, 'orders', '', 3, '', at, CASE WHEN n %% 2 = 0 THEN at END
    FROM story WHERE channel = 5
    """,
    """
    INSERT INTO inbox_head (recipient_id, seq)
    SELECT recipient_id, max(seq) FROM inbox_item GROUP BY 1
    """,
    """
    INSERT INTO audit_entry (at, actor, action, target)
    SELECT at, 'admin:1', 'delivery.replayed', 'delivery:' || delivery FROM story WHERE n %% 10 = 0
    """,
    """
    INSERT INTO delivery_announcement (changes, lane)
    SELECT '[]', 1 + n %% 3 FROM generate_series(1, 2000) AS n
    """,
)


def make(done: int) -> None:
    """Fill the empty database with so many finished notifications, and those that are due."""
    values = {"done": done, "due": DUE, "people": PEOPLE, "days": DAYS}
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        for table in partitions.partitioned_tables():
            for start, end in partitions.months(datetime.now(UTC), behind=3, ahead=0):
                cursor.execute(partitions.create_month(table, start, end))
        cursor.execute(_CATALOG)
        for statement in (_PEOPLE, _STORIES, *_FILL):
            cursor.execute(statement, values)
        cursor.execute("DROP TABLE story")
        cursor.execute("ANALYZE")
