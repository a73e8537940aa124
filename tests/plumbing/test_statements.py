"""Statements are planned once for each connection, and lists travel as one value."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from delivery.lifecycle import State
from notifysite.plumbing.statements import Statement, array

pytestmark = pytest.mark.django_db(transaction=True)

DOUBLED = Statement("SELECT n * 2 FROM unnest(%(numbers)s::int[]) AS n ORDER BY n")
MOST = Statement("SELECT %(most)s::int + 1")


def answers(statement: Statement, **values: Any) -> list[Any]:
    with connection.cursor() as cursor:
        statement.run(cursor, **values)
        return [value for (value,) in cursor.fetchall()]


def prepared() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        return [statement for (statement,) in cursor.fetchall()]


def test_a_statement_is_prepared_by_its_first_run_alone() -> None:
    assert [answers(DOUBLED, numbers=[1, 2]), answers(DOUBLED, numbers=[])] == [[2, 4], []]
    assert sum("n * 2" in one for one in prepared()) == 1


def test_a_new_connection_prepares_its_own() -> None:
    answers(MOST, most=1)
    connection.close()
    assert answers(MOST, most=2) == [3]


def test_it_is_still_known_after_a_rollback() -> None:
    with transaction.atomic():
        answers(MOST, most=1)
        transaction.set_rollback(True)
    assert answers(MOST, most=3) == [4]


def test_behind_a_pooler_the_text_is_sent_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", True)
    assert answers(DOUBLED, numbers=[4]) == [8]
    assert prepared() == []


def test_what_is_said_first_is_said_each_time() -> None:
    first = Statement("SELECT current_setting('work_mem')", first="SET LOCAL work_mem = '77MB'; ")
    assert [answers(first), answers(first)] == [["77MB"], ["77MB"]]


EARLIEST, LATEST = datetime(1, 1, 2), datetime(9999, 12, 30)  # noqa: DTZ001 - hypothesis adds it
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("text", st.none() | TEXT),
        ("bytea", st.none() | st.binary()),
        ("bigint", st.none() | st.integers(-(2**63), 2**63 - 1)),
        ("float8", st.none() | st.floats(allow_nan=False)),
        ("bool", st.none() | st.booleans()),
        ("uuid", st.none() | st.uuids()),
        (
            "timestamptz",
            st.none() | st.datetimes(EARLIEST, LATEST, timezones=st.just(UTC)),
        ),
    ],
)
def test_an_array_comes_back_as_it_was_sent(kind: str, values: Any) -> None:
    @given(st.lists(values))
    def there_and_back(sent: list[Any]) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM unnest(%s::{kind}[])", [array(sent)])
            found = [value for (value,) in cursor.fetchall()]
        assert [bytes(one) if isinstance(one, memoryview) else one for one in found] == sent

    there_and_back()


def test_an_enumeration_is_sent_as_its_value() -> None:
    assert array([State.SENT, True]) == f"{{{int(State.SENT)},t}}"
