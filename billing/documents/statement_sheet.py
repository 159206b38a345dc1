"""Define the printed statement and its file name."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from billing.documents.facts import Party
from billing.ledger.statement import StatementLine
from kernel.clock import month_start_us, next_month_start_us, rfc3339
from kernel.csv_text import plain_name

LINES_MAX: Final = 1_000


@dataclass(frozen=True, slots=True)
class StatementSheet:
    seller: Party
    buyer: Party
    since: int
    until: int
    opening_micros: int
    lines: Sequence[StatementLine]
    made_at: int
    is_test: bool


def statement_name(account: str, since: int, until: int) -> str:
    """Return the file name without its extension. If `since` is 0, the statement starts at the beginning."""
    parts = ("statement", plain_name(account), _period(since, until))
    return "-".join(part for part in parts if part)


def _period(since: int, until: int) -> str:
    first, last = rfc3339(since)[:10], rfc3339(until - 1)[:10]
    if since == 0:
        return f"until-{last}"
    is_month = since == month_start_us(since) and until <= next_month_start_us(since)
    if is_month and (until == next_month_start_us(since) or first != last):
        return first[:7]
    return first if first == last else f"{first}-to-{last}"
