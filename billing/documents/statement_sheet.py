"""Sheet."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from billing.documents.facts import Party
from billing.ledger.statement import StatementLine

# More belong in a spreadsheet: the CSV has no end.
LINES_MAX: Final = 1_000


@dataclass(frozen=True, slots=True)
class StatementSheet:
    """Times and amounts in micros. lines change the balance, oldest first."""

    seller: Party
    buyer: Party
    since: int
    until: int
    opening_micros: int
    lines: Sequence[StatementLine]
    made_at: int
    is_test: bool
