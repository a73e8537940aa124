"""Tables that grow are range-partitioned by their UUIDv7 id, one partition a month.

A DEFAULT partition catches what no month holds; it must stay empty, and `health()` says if it
does not. Three months ahead are always there; a month that is too old is dropped whole.
"""

import itertools
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import OperationalError, connection, migrations, transaction
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import ProjectState

from notifysite.plumbing import ids

MONTHS_AHEAD = 3
# Whoever sends waits behind us for a lock that we wait for: so long, and not longer. It is less
# than PostgreSQL takes to look for deadlocks, so it is always us who gives up.
PATIENCE = "300ms"


class CreatePartitionedModel(migrations.CreateModel):
    """CreateModel for a table partitioned by its UUIDv7 primary key."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        with _partition_by_primary_key(schema_editor):
            super().database_forwards(app_label, schema_editor, from_state, to_state)
        model = to_state.apps.get_model(app_label, self.name)
        table = model._meta.db_table
        schema_editor.execute(f'CREATE TABLE "{table}_default" PARTITION OF "{table}" DEFAULT')
        for start, end in months(datetime.now(UTC), behind=1, ahead=MONTHS_AHEAD):
            schema_editor.execute(create_month(table, start, end))


@contextmanager
def _partition_by_primary_key(schema_editor: Any) -> Iterator[None]:
    plain = schema_editor.sql_create_table
    schema_editor.sql_create_table = f"{plain} PARTITION BY RANGE (id)"
    try:
        yield
    finally:
        schema_editor.sql_create_table = plain


def months(
    now: datetime, *, behind: int = 0, ahead: int = MONTHS_AHEAD
) -> list[tuple[datetime, datetime]]:
    """(start, end) of the months around `now`, in UTC."""
    first = now.year * 12 + now.month - 1 - behind
    starts = [
        datetime(n // 12, n % 12 + 1, 1, tzinfo=UTC)
        for n in range(first, first + behind + ahead + 2)
    ]
    return list(itertools.pairwise(starts))


# A condition on the ids of what belongs to some ids: a story lies in one month.
WITHIN = "{id} >= %(low)s AND {id} < %(high)s"
# The same for rows that are looked for by another column. Without an upper end, because a month
# that was never analysed is taken to hold next to nothing between two ends, and would be read.
SINCE = "{id} >= %(low)s"


def span(found: Collection[UUID]) -> dict[str, UUID]:
    """The bounds of the months in which these ids lie, as `low` and `high`; there must be one."""
    first, last = ids.moment(min(found)), ids.moment(max(found))
    (start, _), (_, end) = months(first, ahead=0)[0], months(last, ahead=0)[0]
    return {"low": ids.floor(start), "high": ids.floor(end)}


def within(found: Collection[UUID]) -> dict[str, UUID]:
    """The same as a filter; of no ids none."""
    if not found:
        return {}
    bounds = span(found)
    return {"id__gte": bounds["low"], "id__lt": bounds["high"]}


def ensure_months(now: datetime) -> list[str]:
    """Create the partitions of this month, the next ones, and those of rows that no month holds;
    returns the names made."""
    made = []
    with connection.cursor() as cursor:
        for table in partitioned_tables():
            there = set(_partitions(table))
            for start, end in sorted({*months(now), *_stray_months(cursor, table)}):
                if (name := _month_name(table, start)) not in there:
                    _make_month(cursor, table, start, end)
                    made.append(name)
    return made


def _stray_months(cursor: Any, table: str) -> list[tuple[datetime, datetime]]:
    """The months of what a clock that was wrong put into the default; few rows, or none."""
    cursor.execute(f'SELECT id FROM "{table}_default" ORDER BY id LIMIT 1')  # noqa: S608
    return [months(ids.moment(id_), ahead=0)[0] for (id_,) in cursor.fetchall()]


def _make_month(cursor: Any, table: str, start: datetime, end: datetime) -> None:
    """Create a month's partition. Rows of it that fell into the default, because a clock was ahead
    or nobody made the month in time, would forbid it: they move in first."""
    name, bounds = _month_name(table, start), _bounds(start, end)
    strays = f"\"{table}_default\" WHERE id >= '{ids.floor(start)}' AND id < '{ids.floor(end)}'"
    cursor.execute(f"SELECT EXISTS (SELECT FROM {strays})")  # noqa: S608 - names of our own
    if not cursor.fetchone()[0]:
        cursor.execute(create_month(table, start, end))
        return
    with transaction.atomic():
        for statement in (
            f'LOCK TABLE "{table}_default" IN ACCESS EXCLUSIVE MODE',
            f'CREATE TABLE "{name}" (LIKE "{table}" INCLUDING ALL)',
            f"WITH moved AS (DELETE FROM {strays} RETURNING *)"  # noqa: S608
            f' INSERT INTO "{name}" SELECT * FROM moved',
            f'ALTER TABLE "{table}" ATTACH PARTITION "{name}" {bounds}',
        ):
            cursor.execute(statement)


@dataclass(frozen=True, slots=True)
class Health:
    """What `/readyz` says about partitions: months that lack, tables whose default holds rows."""

    missing: tuple[str, ...]
    stray: tuple[str, ...]

    @property
    def well(self) -> bool:
        return not self.missing and not self.stray


def health(now: datetime) -> Health:
    """Whether this month and the next exist everywhere and nothing fell into a default."""
    missing, stray = [], []
    with connection.cursor() as cursor:
        for table in partitioned_tables():
            there = set(_partitions(table))
            wanted = [_month_name(table, start) for start, _ in months(now, ahead=1)]
            missing += [name for name in wanted if name not in there]
            cursor.execute(f'SELECT EXISTS (SELECT 1 FROM "{table}_default")')  # noqa: S608
            if cursor.fetchone()[0]:
                stray.append(table)
    return Health(tuple(missing), tuple(stray))


@dataclass(frozen=True, slots=True)
class Piece:
    """A month of one table. `rows` is what the last ANALYZE made of it, None before the first;
    `size` is in bytes, with indexes."""

    table: str
    name: str
    rows: int | None
    size: int


@dataclass(frozen=True, slots=True)
class Month:
    """A month and its partition of every table, from `start` to before `end`."""

    start: datetime
    end: datetime
    pieces: tuple[Piece, ...]

    def __str__(self) -> str:
        return f"{self.start:%Y-%m}"


_PIECES = r"""
    SELECT right(c.relname, 8), p.relname, c.relname, NULLIF(c.reltuples, -1)::bigint,
        pg_total_relation_size(c.oid)
    FROM pg_inherits AS i JOIN pg_class AS p ON p.oid = i.inhparent
    JOIN pg_class AS c ON c.oid = i.inhrelid
    WHERE p.relkind = 'p' AND p.relnamespace = current_schema()::regnamespace
        AND c.relname ~ '_y\d{4}m\d\d$'
    ORDER BY 1, 2
"""


def existing() -> list[Month]:
    """The months there are, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(_PIECES)
        rows = cursor.fetchall()
    return [
        Month(*_span(name), tuple(Piece(*piece) for _, *piece in pieces))
        for name, pieces in itertools.groupby(rows, key=lambda row: str(row[0]))
    ]


def _span(name: str) -> tuple[datetime, datetime]:
    return months(datetime.strptime(name, "y%Ym%m").replace(tzinfo=UTC), ahead=0)[0]


# Of a lock, and of a statement, that took too long.
_GAVE_UP = ("55P03", "57014")


class Busy(Exception):
    """Somebody has used these tables for longer than we let others wait."""


def lock(month: Month, *, first: Sequence[str]) -> None:
    """Keep everybody out of a month until the transaction ends; raises Busy.

    `first` are the tables that others lock first, in their order. With a DEFAULT partition
    PostgreSQL does not detach CONCURRENTLY, so nobody reads the tables themselves meanwhile.
    """
    order = {table: place for place, table in enumerate(first)}
    pieces = sorted(month.pieces, key=lambda piece: order.get(piece.table, len(order)))
    names = [*(piece.table for piece in pieces), *(piece.name for piece in pieces)]
    wanted = ", ".join(f'ONLY "{name}"' for name in names)
    _impatiently(f"LOCK TABLE {wanted} IN ACCESS EXCLUSIVE MODE", within=PATIENCE)


def drop(month: Month) -> None:
    """Drop a locked month, in the transaction of the lock; raises Busy."""
    names = ", ".join(f'"{piece.name}"' for piece in month.pieces)
    _impatiently(f"DROP TABLE {names}", within="5s")


def _impatiently(statement: str, *, within: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{PATIENCE}'")
        cursor.execute(f"SET LOCAL statement_timeout = '{within}'")
        try:
            cursor.execute(statement)
        except OperationalError as error:
            if getattr(error.__cause__, "pgcode", "") not in _GAVE_UP:
                raise
            raise Busy from error


def partitioned_tables() -> list[str]:
    """Every table of this database that is partitioned by range."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_partitioned_table p JOIN pg_class c ON c.oid = p.partrelid"
            " WHERE c.relnamespace = current_schema()::regnamespace ORDER BY 1"
        )
        return [row[0] for row in cursor.fetchall()]


def _partitions(table: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass",
            [table],
        )
        return [row[0] for row in cursor.fetchall()]


def _month_name(table: str, start: datetime) -> str:
    return f"{table}_y{start:%Y}m{start:%m}"


def create_month(table: str, start: datetime, end: datetime) -> str:
    """The SQL that makes the partition of one month, unless it is there."""
    return (
        f'CREATE TABLE IF NOT EXISTS "{_month_name(table, start)}" PARTITION OF "{table}"'
        f" {_bounds(start, end)}"
    )


def _bounds(start: datetime, end: datetime) -> str:
    return f"FOR VALUES FROM ('{ids.floor(start)}') TO ('{ids.floor(end)}')"
