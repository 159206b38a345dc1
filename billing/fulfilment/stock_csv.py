"""Uploaded codes: CSV with the columns platform, amount_cents, code, expires_at."""

import csv
from collections.abc import Iterator
from typing import Any, Final, TextIO

from billing.fulfilment.stock import NewCode, StockKind
from billing.topups.topup import VALUE_CHARACTERS_MAX
from kernel.clock import parse_rfc3339
from kernel.errors import DomainError, InvalidInput
from kernel.storable import is_storable

AMOUNT_DIGITS_MAX: Final = 9
# The name of what is behind the last column.
_MORE: Final = "\n"


def read_codes(file: TextIO, environment: str, supplier: str) -> Iterator[NewCode]:
    """Yield each row's code; raise InvalidInput, which names the line and repeats no code."""
    rows = csv.DictReader(file, restkey=_MORE, strict=True)
    line = 1
    try:
        names = list(rows.fieldnames or ())
        missing = {"platform", "amount_cents", "code"} - set(names)
        if missing:
            raise InvalidInput(f"The first line lacks {', '.join(sorted(missing))}.", param="codes")
        if len(set(names)) < len(names):
            raise InvalidInput("The first line names a column twice.", param="codes")
        line = rows.line_num + 1
        for row in rows:
            yield _code_of(row, line, environment, supplier)
            line = rows.line_num + 1
    except csv.Error as error:
        raise InvalidInput(f"Line {line} can't be read: {error}.", param="codes") from None


def _code_of(row: dict[str, Any], number: int, environment: str, supplier: str) -> NewCode:
    if any(cell.strip() for cell in row.get(_MORE, ())):
        # A code with a comma in it would be cut there, and sold.
        raise InvalidInput(
            f"Line {number} has more values than columns. Put a code with a comma in quotes.",
            param="codes",
        )
    code, amount = (row["code"] or "").strip(), (row["amount_cents"] or "").strip()
    is_kept = is_storable(code, characters_max=VALUE_CHARACTERS_MAX) and code.isprintable()
    if not code or not is_kept:
        raise InvalidInput(
            f"Line {number} has no code, or one that can't be stored.", param="codes"
        )
    if not (
        amount.isascii() and amount.isdigit() and len(amount) <= AMOUNT_DIGITS_MAX and int(amount)
    ):
        raise InvalidInput(
            f"Line {number}: amount_cents must be a whole number above 0.", param="codes"
        )
    kind = StockKind(environment, supplier, (row["platform"] or "").strip(), int(amount))
    return NewCode(kind, code, _expiry((row.get("expires_at") or "").strip(), number))


def _expiry(text: str, number: int) -> int | None:
    try:
        return parse_rfc3339(text) if text else None
    except (ValueError, DomainError):
        raise InvalidInput(
            f"Line {number}: expires_at must be a time in RFC 3339.", param="codes"
        ) from None
