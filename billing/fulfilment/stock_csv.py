"""Codes as the operator uploads them: CSV with the columns platform, amount_cents, code, expires_at."""

import csv
from collections.abc import Iterator
from typing import Final, TextIO

from billing.fulfilment.stock import NewCode, StockKind
from billing.topups.deliverable import VALUE_CHARACTERS_MAX
from kernel.clock import parse_rfc3339
from kernel.errors import DomainError, InvalidInput
from kernel.storable import is_storable

AMOUNT_DIGITS_MAX: Final = 9


def read_codes(file: TextIO, environment: str, supplier: str) -> Iterator[NewCode]:
    """Each row's code; raises InvalidInput, which names the line and repeats no code."""
    rows = csv.DictReader(file)
    missing = {"platform", "amount_cents", "code"} - set(rows.fieldnames or ())
    if missing:
        raise InvalidInput(f"the first line lacks {', '.join(sorted(missing))}", param="csv")
    for number, row in enumerate(rows, start=2):
        code, amount = (row["code"] or "").strip(), (row["amount_cents"] or "").strip()
        if not code or not is_storable(code, characters_max=VALUE_CHARACTERS_MAX):
            raise InvalidInput(f"line {number}: no code, or one that cannot be kept", param="csv")
        if not (
            amount.isascii()
            and amount.isdigit()
            and len(amount) <= AMOUNT_DIGITS_MAX
            and int(amount)
        ):
            raise InvalidInput(
                f"line {number}: amount_cents is a whole number above 0", param="csv"
            )
        kind = StockKind(environment, supplier, (row["platform"] or "").strip(), int(amount))
        yield NewCode(kind, code, _expiry((row.get("expires_at") or "").strip(), number))


def _expiry(text: str, number: int) -> int | None:
    try:
        return parse_rfc3339(text) if text else None
    except (ValueError, DomainError):
        raise InvalidInput(
            f"line {number}: expires_at is a time in RFC 3339", param="csv"
        ) from None
