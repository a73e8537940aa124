"""Take due rows for a while: a lease token and a later `due_at`.

The state stays as it was: rows of a worker that died simply fall due again. All time is the
database's. What is due is asked by the statement's own time, because an index cannot be searched by
a clock that goes on: rows that wait for later would be read, all of them, each time.
"""

# Short, so that a dead worker is noticed soon; what takes longer has its lease renewed.
LEASE_SECONDS = 30


def ours_sql(*, table: str, still: str) -> str:
    """The claimed rows among %(ids)s that are ours by one of %(leases)s, locked: `id = <this>`.

    In id order, so that two that write the same rows wait, and never for each other.
    """
    return f"""ANY(ARRAY(
        SELECT id FROM {table}
        WHERE id = ANY(%(ids)s::uuid[]) AND lease = ANY(%(leases)s::uuid[]) AND {still}
        ORDER BY id FOR NO KEY UPDATE
    ))"""  # noqa: S608 - names of our own tables and columns


def columns(names: tuple[str, ...], alias: str = "claimed") -> str:
    """A column list for RETURNING, in the order a dataclass wants them."""
    return ", ".join(f"{alias}.{name}" for name in names)
