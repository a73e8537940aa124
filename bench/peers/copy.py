"""COPY, the fastest way into PostgreSQL: `python -m bench.peers.copy ROWS`, from one connection.

The rows are written before; the table has the columns and indexes that a queue of notifications
wants, and 200 bytes of JSON.
"""

import io
import json
import os
import sys
import time
import uuid

import psycopg2

AT_A_TIME = 5000
TABLE = """
    CREATE TABLE copied (
        id uuid PRIMARY KEY, request_id uuid, recipient_id bigint, type_id bigint,
        service_id bigint, lane smallint, state smallint, priority smallint, mode smallint,
        attempts smallint, locale text, data jsonb, due_at timestamptz, created_at timestamptz,
        expires_at timestamptz
    );
    CREATE INDEX ON copied (lane, due_at) WHERE state = 1;
    CREATE INDEX ON copied (recipient_id, created_at);
"""


def written(rows: range) -> io.StringIO:
    """So many rows in COPY's own words."""
    now, data = "2026-01-01 00:00:00+00", json.dumps({"order": "A-000000", "text": "x" * 165})
    stamp = (time.time_ns() // 1_000_000) << 80
    return io.StringIO(
        "".join(
            # As the product's ids: by time, so that an index grows at its end.
            f"{uuid.UUID(int=stamp | 7 << 76 | 2 << 62 | row)}\t{uuid.UUID(int=row)}\t{row}\t1\t1\t"
            f"3\t1\t4\t1\t0\ten\t{data}\t{now}\t{now}\t\\N\n"
            for row in rows
        )
    )


def main(rows: int) -> None:
    """Copy them; print what it took."""
    connection = psycopg2.connect(os.environ["DATABASE_URL"])
    with connection, connection.cursor() as cursor:
        cursor.execute(TABLE)
    batches = [
        written(range(start, min(start + AT_A_TIME, rows))) for start in range(0, rows, AT_A_TIME)
    ]
    began, before = time.monotonic(), time.process_time()
    for batch in batches:
        with connection, connection.cursor() as cursor:
            cursor.copy_expert("COPY copied FROM STDIN", batch)
    took, spent = time.monotonic() - began, time.process_time() - before
    print(json.dumps({"seconds": took, "cpu": spent}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
