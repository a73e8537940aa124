"""Rough costs: the longest prefix counts, and what is unknown is never 0."""

import io
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from delivery import prices
from delivery.models import AuditEntry, MessagePrice
from delivery.prices import Price, PriceTable
from notifysite.plumbing.imports import Outcome
from notifysite.plumbing.sheets import NotASheet

DAY = date(2026, 1, 31)
HEADER = "channel,prefix,price,currency,as_of"


def euro(amount: str) -> Price:
    return Price(Decimal(amount), "EUR", DAY)


TABLE = PriceTable(
    {
        (1, ""): euro("0.0001"),
        (2, ""): euro("0.1"),
        (2, "+1"): euro("0.0079"),
        (2, "+1876"): None,
        (2, "+49"): euro("0.075"),
        (2, "+4915"): euro("0"),
    }
)


@pytest.mark.parametrize(
    ("channel", "number", "segments", "price"),
    [
        (2, "+4917012345", 1, euro("0.075")),
        (2, "+4917012345", 3, euro("0.225")),
        (2, "+4915112345", 2, euro("0")),
        (2, "+12025550100", 1, euro("0.0079")),
        (2, "+18765550100", 1, None),
        (2, "+4", 1, euro("0.1")),
        (2, "", 1, euro("0.1")),
        (1, "", 1, euro("0.0001")),
        (3, "", 1, None),
    ],
)
def test_the_longest_prefix_that_fits_counts_even_where_its_price_is_unknown(
    channel: int, number: str, segments: int, price: Price | None
) -> None:
    assert TABLE.price_of(channel, number, segments=segments) == price


@pytest.mark.parametrize(
    ("amount", "text"),
    [("0.075000", "0.075"), ("0.1", "0.1"), ("100", "100"), ("0.000000", "0"), ("1E+3", "1000")],
)
def test_an_amount_is_told_as_text_without_rounding(amount: str, text: str) -> None:
    assert euro(amount).told() == {"amount": text, "currency": "EUR", "as_of": "2026-01-31"}


def take(*lines: str) -> Outcome:
    return prices.take(io.BytesIO("\n".join(lines).encode()), actor="me")


def held() -> list[tuple[Any, ...]]:
    rows = MessagePrice.objects.order_by("channel", "prefix")
    return list(rows.values_list("channel", "prefix", "amount", "currency", "as_of"))


@pytest.mark.django_db
class TestTable:
    """The table in the database."""

    def test_prices_of_a_file_are_set_and_what_is_empty_is_unknown(self) -> None:
        outcome = take(
            HEADER,
            "sms,49,0.075,eur,2026-01-31",
            "sms,'+1876,,USD,2026-01-31",
            "SMS,,0.1,EUR,2026-01-31",
            "email,,0,EUR,2026-01-31",
        )
        assert (outcome.set, outcome.known, outcome.refusals) == (4, 0, 0)
        assert held() == [
            (1, "", Decimal(0), "EUR", DAY),
            (2, "", Decimal("0.1"), "EUR", DAY),
            (2, "+1876", None, "USD", DAY),
            (2, "+49", Decimal("0.075"), "EUR", DAY),
        ]
        assert AuditEntry.objects.filter(action="messageprice.imported", actor="me").count() == 4
        table = prices.load()
        assert table.price_of(2, "+49151", segments=2) == euro("0.15")
        assert table.price_of(2, "+18765", segments=2) is None

    def test_a_newer_price_replaces_and_an_older_or_equal_one_does_not(self) -> None:
        take(HEADER, "sms,+49,0.075,EUR,2026-01-31")
        older = take(HEADER, "sms,+49,0.05,EUR,2026-01-30")
        same = take(HEADER, "sms,+49,0.075,EUR,2026-01-31")
        assert (older.known, same.known) == (1, 1)
        newer = take(HEADER, "sms,+49,0.08,EUR,2026-02-01")
        assert newer.set == 1
        assert held() == [(2, "+49", Decimal("0.08"), "EUR", date(2026, 2, 1))]

    @pytest.mark.parametrize(
        ("row", "problem"),
        [
            (
                "fax,,1,EUR,2026-01-31",
                "channel: there are email, sms, web_push, mobile_push, in_app, webhook, chat.",
            ),
            ("sms,0049,1,EUR,2026-01-31", "prefix: Write + and digits, such as +49."),
            ("email,+49,1,EUR,2026-01-31", "prefix: Leave it empty: only SMS has numbers."),
            ("sms,,-1,EUR,2026-01-31", "price: write it as 0.075, or leave it empty"),
            ("sms,,NaN,EUR,2026-01-31", "price: write it as 0.075, or leave it empty"),
            ('sms,,"0,075",EUR,2026-01-31', "price: write it as 0.075, or leave it empty"),
            ("sms,,1.1234567,EUR,2026-01-31", "price: Ensure that there are no more than 6"),
            ("sms,,1,euros,2026-01-31", "currency: Write three capitals, such as EUR."),
            ("sms,,1,,2026-01-31", "currency: This field cannot be blank."),
            ("sms,,1,EUR,31.1.2026", "as_of: “31.1.2026” value has an invalid date format."),
            ("sms,,1,EUR,9999-12-31", "as_of: That day has not come yet."),
            ("sms,,1,EUR,", "as_of: “” value has an invalid date format."),
        ],
    )
    def test_a_line_that_is_refused_says_why_and_sinks_no_other(
        self, row: str, problem: str
    ) -> None:
        outcome = take(HEADER, row, "sms,+1,0.0079,USD,2026-01-31")
        assert (outcome.set, outcome.refusals) == (1, 1)
        assert outcome.refused[0].problem.startswith(problem)

    def test_a_file_that_lacks_a_column_is_refused_whole(self) -> None:
        with pytest.raises(NotASheet, match="lacks: currency, as_of"):
            take("channel,prefix,price", "sms,,1")

    def test_the_database_holds_no_price_below_nothing(self) -> None:
        with pytest.raises(IntegrityError), transaction.atomic():
            MessagePrice.objects.create(channel=2, amount=-1, currency="EUR", as_of=DAY)
        assert held() == []
