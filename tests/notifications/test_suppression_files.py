"""Suppressions from files: each line for itself, ours and those of other systems."""

import csv
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from delivery import channels
from delivery.models import AuditEntry, Suppression
from notifications import suppression_files
from notifysite.plumbing import imports
from notifysite.plumbing.imports import Outcome
from notifysite.plumbing.sheets import NotASheet
from preferences import addresses

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def take(*lines: str) -> Outcome:
    file = io.BytesIO("\n".join(lines).encode())
    return suppression_files.take(file, actor="me", now=NOW)


def counts(outcome: Outcome) -> tuple[int, int, int]:
    return outcome.set, outcome.known, outcome.refusals


def held() -> set[tuple[Any, ...]]:
    rows = Suppression.objects.values_list("channel", "reason", "source", "note", "expires_at")
    return set(rows)


def test_every_column_is_read_and_addresses_are_hashed_in_their_normal_form() -> None:
    outcome = take(
        "channel,address,reason,expires_at,note",
        "email,Ann@Example.com,complaint,2199-12-31,asked us",
        "sms,+49 (151) 23456789,stop,2199-12-31T12:00:00+02:00,",
        "webhook,https://example.com/hook,,,gone",
    )
    assert counts(outcome) == (3, 0, 0)
    assert held() == {
        (1, 2, "import:me", "asked us", datetime(2200, 1, 1, tzinfo=UTC)),
        (2, 3, "import:me", "", datetime(2199, 12, 31, 10, tzinfo=UTC)),
        (6, 5, "import:me", "gone", None),
    }
    wanted = {
        addresses.email("ann@example.com").hash,
        addresses.phone("+4915123456789").hash,
        addresses.normalise(channels.WEBHOOK, "https://example.com/hook").hash,
    }
    assert {bytes(row.address_hash) for row in Suppression.objects.all()} == wanted


@pytest.mark.parametrize(
    ("lines", "reason", "unread"),
    [
        (["email", "ann@example.com"], 5, ()),
        (["Email Address;Status", "ann@example.com;cleaned"], 5, ("status",)),
        (
            ["EmailAddress,SuppressionReason,Origin,CreatedAt", "ann@example.com,HardBounce,R,x"],
            1,
            ("origin", "createdat"),
        ),
        (
            ["EmailAddress,Reason,LastUpdateTime", "ann@example.com,COMPLAINT,1"],
            2,
            ("lastupdatetime",),
        ),
    ],
    ids=["bare list", "blanks and semicolons", "Postmark", "SES"],
)
def test_exports_of_other_systems_are_understood(
    lines: list[str], reason: int, unread: tuple[str, ...]
) -> None:
    outcome = take(*lines)
    assert (counts(outcome), outcome.unread) == ((1, 0, 0), unread)
    row = Suppression.objects.get()
    assert (row.reason, bytes(row.address_hash)) == (
        reason,
        addresses.email("ann@example.com").hash,
    )


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("email,nobody,,,", "The address: Must be one plain address, such as ann@example.com."),
        ("email,,,,", "The address: Must be text that is not empty."),
        ("sms,0151,,,", "The address: Must start with + and the country code: +491701234567."),
        ("fax,1,,,", "Name a channel: email, sms, webhook, chat."),
        (",ann@example.com,,,", "Name a channel: email, sms, webhook, chat."),
        (
            "email,ann@example.com,rude,,",
            "Name a reason: manual, hard_bounce, complaint, stop; or leave it empty.",
        ),
        (
            "email,ann@example.com,,tomorrow,",
            "Write expires_at as 2027-12-31 or 2027-12-31T12:00:00Z.",
        ),
        (
            "email,ann@example.com,,2020-01-01,",
            "expires_at is over; name a later time, or leave it empty for good.",
        ),
        ("email,ann@example.com,,," + "n" * 401, "Write a note of at most 400 characters."),
        ("email,ann@example.com,,,\0", "Write a note of at most 400 characters."),
    ],
)
def test_a_line_that_is_refused_says_what_to_do_and_sinks_no_other(row: str, problem: str) -> None:
    outcome = take("channel,address,reason,expires_at,note", row, "email,bo@example.com,,,")
    assert counts(outcome) == (1, 0, 1)
    assert [(line.number, line.problem) for line in outcome.refused] == [(2, problem)]
    assert bytes(Suppression.objects.get().address_hash) == addresses.email("bo@example.com").hash


def test_an_end_in_a_zone_that_postgresql_does_not_know_is_kept() -> None:
    assert counts(take("email,expires_at", "ann@example.com,2999-12-31T23:00:00-23:00")) == (
        1,
        0,
        0,
    )
    assert Suppression.objects.get().expires_at == datetime(3000, 1, 1, 22, tzinfo=UTC)


@pytest.mark.parametrize("never", ["", "9999-12-31", "9999-12-31T23:59:59-12:00"])
def test_an_end_that_never_comes_is_none(never: str) -> None:
    assert counts(take("email,expires_at", f"ann@example.com,{never}")) == (1, 0, 0)
    assert Suppression.objects.get().expires_at is None


@pytest.mark.parametrize(
    "header", ["ann@example.com", "address,reason", "email,phone", "channel", "email,Email Address"]
)
def test_a_file_without_one_column_of_addresses_is_refused_whole(header: str) -> None:
    with pytest.raises(NotASheet):
        take(header, "bo@example.com,x")
    assert not Suppression.objects.exists()


def test_a_second_time_all_are_known_and_a_repeated_row_is_known_at_once() -> None:
    rows = ["email", "ann@example.com", "ANN@example.com", "bo@example.com"]
    assert counts(take(*rows)) == (2, 1, 0)
    assert counts(take(*rows)) == (0, 3, 0)
    assert AuditEntry.objects.filter(action="suppression.set", actor="me").count() == 2


def test_of_two_rows_for_one_address_the_weightier_reason_and_the_later_end_hold() -> None:
    take(
        "email,reason,expires_at",
        "ann@example.com,stop,2199-12-31",
        "ann@example.com,manual,",
    )
    assert held() == {(1, 3, "import:me", "", None)}


def test_a_long_file_costs_few_statements(django_assert_max_num_queries: Any) -> None:
    rows = [f"person-{number}@example.com" for number in range(2 * imports.BATCH)]
    with django_assert_max_num_queries(2 * 4):
        assert counts(take("email", *rows)) == (1000, 0, 0)


def test_refused_lines_beyond_what_is_handed_back_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(imports, "MOST_KEPT", 2)
    outcome = take("email", "a", "b", "c")
    assert (outcome.refusals, [line.number for line in outcome.refused]) == (3, [2, 3])


def test_no_table_holds_an_address_of_the_file(tmp_path: Path) -> None:
    take("email,note", "zanzibar@example.com,n", "quagga@,n")
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(s::text, '') FROM suppression AS s")
        (rows,) = cursor.fetchone()
        cursor.execute("SELECT string_agg(a::text, '') FROM audit_entry AS a")
        (trail,) = cursor.fetchone()
    assert "zanzibar" not in rows + trail
    assert "quagga" not in rows + trail


class TestCommand:
    """`manage.py import_suppressions`."""

    def run(self, *words: str) -> tuple[str, str]:
        out, err = io.StringIO(), io.StringIO()
        call_command("import_suppressions", *words, stdout=out, stderr=err, no_color=True)
        return out.getvalue(), err.getvalue()

    def test_it_says_how_many_and_writes_the_refused_lines(self, tmp_path: Path) -> None:
        there, refused = tmp_path / "in.csv", tmp_path / "refused.csv"
        there.write_text("phone,source\n+4915123456789,x\n+49 1,y\n=1+1,z\n")
        out, err = self.run(str(there), "--refused", str(refused))

        assert out.splitlines() == [
            "Set: 1",
            "Known already: 0",
            "Refused: 2",
            "Columns left aside: source",
            f"The first 2 refused lines are in {refused}.",
        ]
        assert err == ""
        with refused.open(newline="") as file:
            rows = list(csv.reader(file))
        assert rows[0] == ["phone", "source", "line", "problem"]
        assert [row[:3] for row in rows[1:]] == [["'+49 1", "y", "3"], ["'=1+1", "z", "4"]]

        refused.write_text(refused.read_text().replace("+49 1", "+4915123456780"))
        out, _ = self.run(str(refused))
        assert out.splitlines()[:3] == ["Set: 1", "Known already: 0", "Refused: 1"]

    def test_without_a_file_for_them_the_first_refused_lines_are_told(self, tmp_path: Path) -> None:
        there = tmp_path / "in.csv"
        there.write_text("email\nzanzibar\n")
        _, err = self.run(str(there))
        assert err.splitlines()[0].startswith("line 2: The address: Must be one plain address")
        assert "zanzibar" not in err

    @pytest.mark.parametrize("content", [None, "", "zanzibar@example.com\n"])
    def test_a_file_that_is_none_is_an_error(self, tmp_path: Path, content: str | None) -> None:
        there = tmp_path / "in.csv"
        if content is not None:
            there.write_text(content)
        with pytest.raises(CommandError) as told:
            self.run(str(there))
        assert "zanzibar" not in str(told.value)
