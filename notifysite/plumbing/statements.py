"""Statements that a connection plans once, and lists that travel as one value each.

On the path of a message PostgreSQL would spend more on planning a statement over partitioned tables
than on doing it. So each connection has its plan made once (PREPARE) and names it from then on.
Where a pooler hands a connection to another client after every transaction there is nothing to
name: `DISABLE_SERVER_SIDE_CURSORS`, which Django has for the same reason, sends the text each time.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

_SEVERAL = (list, tuple, set, frozenset)
_NAMED = re.compile(r"%\((\w+)\)s")

_prepared: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()


class Statement:
    """SQL with parameters like `%(ids)s::uuid[]`: each named with a type where the context gives
    none. `first` is said before it each time, such as `SET LOCAL …`."""

    def __init__(self, sql: str, *, first: str = "") -> None:
        self.names = tuple(dict.fromkeys(_NAMED.findall(sql)))
        self._sql, self._first = sql, first
        self._name = f"notifysite_{hashlib.sha256(sql.encode()).hexdigest()[:16]}"
        holders = ", ".join(f"%({name})s" for name in self.names)
        self._execute = f"{first}EXECUTE {self._name}" + (f" ({holders})" if holders else "")

    def run(self, cursor: Any, **values: Any) -> None:
        """Execute it; a list or another sequence is sent as an array."""
        cursor.execute(*self._said(cursor, values))

    def text(self, cursor: Any, values: Mapping[str, Any]) -> str:
        """What is sent to execute it, values and all."""
        return str(cursor.mogrify(*self._said(cursor, values)), "utf-8")

    def _said(self, cursor: Any, values: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        plain = {name: _plain(values[name]) for name in self.names}
        database = cursor.db  # `connection` would look for it at each word
        if database.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS"):
            return self._first + self._sql, plain
        self._prepare(database)
        return self._execute, plain

    def _prepare(self, database: Any) -> None:
        kept = _prepared.setdefault(database.connection, set())
        if self._name in kept:
            return
        numbers = {name: f"${number}" for number, name in enumerate(self.names, 1)}
        text = _NAMED.sub(lambda found: numbers[found[1]], self._sql)
        with database.wrap_database_errors, database.connection.cursor() as cursor:
            cursor.execute(f"PREPARE {self._name} AS {text}")
        kept.add(self._name)


# A statement, and the values it is executed with.
Said = tuple[Statement, Mapping[str, Any]]


def run_together(cursor: Any, *said: Said) -> None:
    """Execute statements in one message; the rows to fetch are those of the last.

    Each sees what the ones before it did, and what others committed until it began. Outside of a
    transaction the message is one: all of it is done, or nothing. A question on its own costs both
    sides more than most answers.
    """
    cursor.execute("; ".join([statement.text(cursor, values) for statement, values in said]))


def _plain(value: Any) -> Any:
    return array(value) if isinstance(value, _SEVERAL) else value


def array(values: Iterable[Any]) -> str:
    """PostgreSQL's text of an array: one constant for the parser, whatever its length. Holds None,
    bool, numbers, str, bytes, UUID and aware datetimes."""
    listed = list(values)
    kinds = set(map(type, listed))
    if len(kinds) == 1 and (write := _WORDS.get(kinds.pop())):
        return "{" + ",".join(map(write, listed)) + "}"
    return "{" + ",".join(map(_word, listed)) + "}"


def _word(value: Any) -> str:
    if write := _WORDS.get(type(value)):
        return write(value)
    if isinstance(value, Enum):
        return _word(value.value)
    return next(_WORDS[base](value) for base in type(value).__mro__ if base in _WORDS)


def _text(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _number(value: float) -> str:
    return repr(value)


def _bytes(value: bytes | memoryview) -> str:
    return "\\\\x" + value.hex()


_WORDS: Mapping[type, Callable[[Any], str]] = {
    type(None): lambda _: "NULL",
    bool: lambda value: "t" if value else "f",
    int: str,
    float: _number,
    str: _text,
    bytes: _bytes,
    memoryview: _bytes,
    UUID: lambda value: value.int.to_bytes(16, "big").hex(),  # a third of what its own hex costs
    datetime: lambda value: f'"{value.isoformat()}"',
}
