"""Rough costs: what a message costs by the price table, and the table from CSV files."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db import connection, transaction

from delivery import channels
from delivery.models import MessagePrice
from notifysite.plumbing import audit, imports, sheets
from notifysite.plumbing.imports import Outcome, Unfit
from notifysite.plumbing.sheets import File, Line, NotASheet


@dataclass(frozen=True, slots=True)
class Price:
    """What something costs, as was known on a day."""

    amount: Decimal
    currency: str
    as_of: date

    def told(self) -> dict[str, str]:
        """As the API says it: the amount is text, so that nobody reads it as a float."""
        return {
            "amount": f"{self.amount.normalize():f}",
            "currency": self.currency,
            "as_of": self.as_of.isoformat(),
        }


@dataclass(frozen=True, slots=True)
class PriceTable:
    """Prices by channel and prefix; None where one is unknown."""

    prices: Mapping[tuple[int, str], Price | None]

    def price_of(self, channel: int, number: str, *, segments: int) -> Price | None:
        """The price of so many segments to a number (E.164, or the beginning of one).

        The longest prefix that fits counts, even where its price is unknown; None is unknown.
        """
        for length in range(len(number), -1, -1):
            if (channel, number[:length]) in self.prices:
                found = self.prices[channel, number[:length]]
                return found and Price(found.amount * segments, found.currency, found.as_of)
        return None


def load() -> PriceTable:
    """The table as it stands: some hundred rows."""
    rows = MessagePrice.objects.values_list("channel", "prefix", "amount", "currency", "as_of")
    return PriceTable(
        {
            (channel, prefix): None if amount is None else Price(amount, currency, as_of)
            for channel, prefix, amount, currency, as_of in rows
        }
    )


_COLUMNS = ("channel", "prefix", "price", "currency", "as_of")
# In one order, so that two that write the same rows wait and never deadlock.
_PUT = """
    INSERT INTO message_price AS p (channel, prefix, amount, currency, as_of)
    SELECT * FROM unnest(%s::smallint[], %s::text[], %s::numeric[], %s::text[], %s::date[])
        AS u(channel, prefix, amount, currency, as_of)
    ORDER BY channel, prefix
    ON CONFLICT (channel, prefix) DO UPDATE
        SET amount = EXCLUDED.amount, currency = EXCLUDED.currency, as_of = EXCLUDED.as_of
    WHERE p.as_of <= EXCLUDED.as_of AND (p.amount, p.currency, p.as_of)
        IS DISTINCT FROM (EXCLUDED.amount, EXCLUDED.currency, EXCLUDED.as_of)
    RETURNING p.id
"""


def take(file: File, *, actor: str) -> Outcome:
    """Set the prices of a CSV file, by batches; an older one does not replace a newer.

    Raises NotASheet before anything is set.
    """
    sheet = sheets.read(file)
    if missing := [name for name in _COLUMNS if name not in sheet.columns]:
        raise NotASheet(f"The first line lacks: {', '.join(missing)}.")
    return imports.take(
        sheet,
        columns=_COLUMNS,
        read=_read,
        key=lambda row: (row.channel, row.prefix),
        write=lambda rows: _put(rows, actor),
    )


def _put(rows: Sequence[MessagePrice], actor: str) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            _PUT,
            [
                [row.channel for row in rows],
                [row.prefix for row in rows],
                [row.amount for row in rows],
                [row.currency for row in rows],
                [row.as_of for row in rows],
            ],
        )
        targets = [f"messageprice:{id_}" for (id_,) in cursor.fetchall()]
        audit.record_all(actor=actor, action="messageprice.imported", targets=targets)
    return len(targets)


def _read(line: Line) -> MessagePrice:
    said = {name: line.values.get(name, "") for name in _COLUMNS}
    if said["price"] and re.fullmatch(r"[0-9]+(\.[0-9]+)?", said["price"]) is None:
        raise Unfit("price: write it as 0.075, or leave it empty where it is unknown.")
    row = MessagePrice(
        channel=_channel(said["channel"]),
        prefix=re.sub(r"\A(?=[1-9])", "+", said["prefix"]),
        amount=said["price"] or None,
        currency=said["currency"].upper(),
        as_of=said["as_of"],
    )
    try:
        row.clean_fields()
        row.clean()
    except ValidationError as error:
        told = {"amount": "price"}
        parts = (
            f"{told.get(name, name)}: {found[0]}" for name, found in error.message_dict.items()
        )
        raise Unfit(" ".join(parts)) from None
    return row


def _channel(key: str) -> int:
    try:
        return channels.by_key(key.lower()).number
    except channels.UnknownChannel:
        known = ", ".join(spec.key for spec in channels.every())
        raise Unfit(f"channel: there are {known}.") from None
