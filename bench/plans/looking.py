"""Run what the product runs, and read the plan of each of its statements."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction

from notifysite.plumbing import claims

BIG = 10_000
_MONTH = re.compile(r"_(?:y\d{4}m\d\d|default)")
_PLANNED = ("SELECT", "UPDATE", "DELETE", "WITH", "INSERT", "EXECUTE")
_WRITES = ("ModifyTable",)


@dataclass(slots=True)
class Look:
    """What a list or claim costs: its scans of big tables, the partitions with rows that it
    touched, the rows it read there, and the milliseconds that its statements took."""

    name: str
    scans: set[str] = field(default_factory=set)
    whole: set[str] = field(default_factory=set)
    touched: set[str] = field(default_factory=set)
    read: int = 0
    ms: float = 0.0

    @property
    def months(self) -> int:
        """Of how many months it read."""
        return len({name[-8:] for name in self.touched})


def undone(name: str, deed: Callable[[], Any], *, sizes: dict[str, int]) -> Look:
    """Look at it, and undo what it did."""
    place = transaction.savepoint()
    found = look(name, deed, sizes=sizes)
    transaction.savepoint_rollback(place)
    return found


def look(name: str, deed: Callable[[], Any], *, sizes: dict[str, int]) -> Look:
    """Do it, and explain each statement beforehand, undone."""
    found = Look(name)

    def explain(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        statement = sql.removeprefix(claims.IN_ORDER)
        if statement.lstrip().upper().startswith(_PLANNED):
            setting = claims.IN_ORDER if statement != sql else ""
            for node in _nodes(_plan(setting, statement, params, found)):
                _note(node, found, sizes)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explain):
        deed()
    return found


def sizes() -> dict[str, int]:
    """About how many rows each table and partition has."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, GREATEST(reltuples, 0)::bigint FROM pg_class"
            " WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace"
        )
        return dict(cursor.fetchall())


def _plan(setting: str, sql: str, params: Any, found: Look) -> dict[str, Any]:
    with connection.connection.cursor() as cursor:
        cursor.execute("SAVEPOINT explained")
        cursor.execute(f"{setting}EXPLAIN (ANALYZE, FORMAT JSON) {sql}", params)
        (answer,) = cursor.fetchone()
        cursor.execute("ROLLBACK TO SAVEPOINT explained")
    (told,) = json.loads(answer) if isinstance(answer, str) else answer
    found.ms += told["Execution Time"]
    plan: dict[str, Any] = told["Plan"]
    return plan


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)


def _note(node: dict[str, Any], found: Look, sizes: dict[str, int]) -> None:
    table, loops = node.get("Relation Name"), node["Actual Loops"]
    if table is None or not loops or node["Node Type"] in _WRITES:
        return
    if sizes.get(table) and _MONTH.search(table):
        found.touched.add(table)
    if sizes.get(table, 0) < BIG:
        return
    removed = sum(value for key, value in node.items() if key.startswith("Rows Removed by"))
    found.read += round((node["Actual Rows"] + removed) * loops)
    index = node.get("Index Name") or _index(node)
    found.scans.add(f"{node['Node Type']} of {_MONTH.sub('', index or table)}")
    if node["Node Type"] == "Seq Scan":
        found.whole.add(table)


def _index(node: dict[str, Any]) -> str:
    names = [one["Index Name"] for one in _nodes(node) if "Index Name" in one]
    return ", ".join(sorted(set(names)))
