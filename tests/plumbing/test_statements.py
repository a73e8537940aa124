"""Statements are planned once for each connection, and lists travel as one value."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from delivery.lifecycle import State
from notifysite.plumbing.statements import Said, Statement, array, run_together

pytestmark = pytest.mark.django_db(transaction=True)

DOUBLED = Statement("SELECT n * 2 FROM unnest(%(numbers)s::int[]) AS n ORDER BY n")
MOST = Statement("SELECT %(most)s::int + 1")
KEEP = Statement("INSERT INTO kept VALUES (%(n)s)")
KEPT = Statement("SELECT n FROM kept ORDER BY n")


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


@pytest.fixture
def kept() -> Iterator[None]:
    """A table of this session's own."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE kept (n int PRIMARY KEY)")
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE kept")
    connection.close()  # and with it what was prepared over the table


def together(*said: Said) -> list[Any]:
    with connection.cursor() as cursor:
        run_together(cursor, *said)
        return [value for (value,) in cursor.fetchall()]


def test_statements_that_are_said_together_are_one_message(
    kept: None, django_assert_num_queries: Any
) -> None:
    said = [(KEEP, {"n": 1}), (KEEP, {"n": 2}), (KEPT, {})]
    with django_assert_num_queries(1):
        assert together(*said) == [1, 2]


def test_all_that_is_said_together_is_done_or_nothing(kept: None) -> None:
    with pytest.raises(IntegrityError):
        together((KEEP, {"n": 1}), (KEEP, {"n": 1}), (KEPT, {}))
    assert together((KEPT, {})) == []


def test_in_a_transaction_it_goes_the_way_of_that(kept: None) -> None:
    with transaction.atomic():
        together((KEEP, {"n": 1}), (KEPT, {}))
        transaction.set_rollback(True)
    assert together((KEPT, {})) == []


@pytest.mark.parametrize("text", ["50 % off; then", "%(n)s", "it's", "back\\slash", "ü €"])
def test_what_is_said_together_arrives_as_it_was(text: str) -> None:
    said = Statement("SELECT %(text)s::text")
    assert together((MOST, {"most": 1}), (said, {"text": text})) == [text]


def test_behind_a_pooler_texts_are_sent_together(
    kept: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", True)
    assert together((KEEP, {"n": 3}), (KEPT, {})) == [3]


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
