"""Years of finished rows, made from a few by the database itself."""

from typing import Any

STORY = ("notification", "delivery", "delivery_attempt")
NAMES = ("id", "notification_id", "delivery_id")  # columns that name a row of the story
_COLUMNS = """
    SELECT attname FROM pg_attribute
    WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
    ORDER BY attnum
"""


def multiply(cursor: Any, table: str, rows: int, **instead: Any) -> None:
    """Add so many copies of the rows there are, the n-th of a row under ids that hold its number;
    `instead`: SQL, a number or None, for some columns.
    """
    cursor.execute(_COLUMNS, [table])
    columns = [name for (name,) in cursor.fetchall()]
    said = {
        name: "overlay(row.%s::text placing lpad(to_hex(n), 8, '0') from 29)::uuid" % name  # noqa: UP031
        for name in NAMES
        if name in columns
    }
    said |= {name: "NULL" if value is None else str(value) for name, value in instead.items()}
    values = ", ".join(said.get(name, f"row.{name}") for name in columns)
    cursor.execute(
        f"""
        INSERT INTO {table} ({", ".join(columns)})
        SELECT {values} FROM
            (SELECT count(*) AS rows FROM {table}) AS have,
            generate_series(1, 1 + %(rows)s / have.rows) AS n,
            {table} AS row
        LIMIT %(rows)s
        """,
        {"rows": rows},
    )
