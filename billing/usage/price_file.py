"""A file of prices as the operator has it: CSV in dollars, or JSON in micros. Pure.

CSV: the first line names the columns `model`, `input`, `output` and perhaps `cached`, in dollars for
1,000,000 tokens. JSON: a list of objects with `model`, `input_micros`, `output_micros` and perhaps
`cached_micros`. Without a price of its own cached input costs what other input does.
"""

import csv
import io
import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from billing.usage.price_commands import PRICES_MAX, NewPrice
from kernel.errors import InvalidInput

MICROS_PER_DOLLAR: Final = 1_000_000
COLUMNS: Final = ("model", "input", "output", "cached")
_DOLLARS: Final = re.compile(r"([0-9]{1,7})(?:\.([0-9]{1,6}))?")
# Under this name stands what is behind the last column.
_MORE: Final = "\n"
_read_json: Final = msgspec.json.Decoder(list[NewPrice]).decode


def read_prices(text: str) -> Sequence[NewPrice]:
    """The prices of a file of either form; raises InvalidInput, which names the line or the place."""
    text = text.removeprefix("\ufeff")
    found = _of_json(text) if text.lstrip()[:1] in {"[", "{"} else _of_csv(text)
    if len(found) > PRICES_MAX:
        raise InvalidInput(f"a price list has at most {PRICES_MAX} prices", param="file")
    return found


def dollars_micros(text: str, param: str) -> int:
    """Micros of dollars such as 2.50; raises InvalidInput for anything but up to six decimals."""
    match = _DOLLARS.fullmatch(text.strip().removeprefix("$"))
    if match is None:
        raise InvalidInput("is an amount in dollars such as 2.50", param=param)
    return int(match[1]) * MICROS_PER_DOLLAR + int((match[2] or "").ljust(6, "0"))


def _of_json(text: str) -> Sequence[NewPrice]:
    try:
        return _read_json(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise InvalidInput(f"the JSON cannot be read: {error}", param="file") from None


def _of_csv(text: str) -> Sequence[NewPrice]:
    rows = csv.DictReader(io.StringIO(text, newline=""), restkey=_MORE, strict=True)
    line = 1
    found: list[NewPrice] = []
    try:
        _check_columns(rows.fieldnames or ())
        line = rows.line_num + 1
        for row in rows:
            found.append(_of_row(row, line))
            line = rows.line_num + 1
    except csv.Error as error:
        raise InvalidInput(f"line {line} cannot be read: {error}", param="file") from None
    return found


def _check_columns(names: Sequence[str]) -> None:
    missing = {"model", "input", "output"} - set(names)
    if missing:
        raise InvalidInput(f"the first line lacks {', '.join(sorted(missing))}", param="file")
    if unknown := set(names) - set(COLUMNS):
        raise InvalidInput(
            f"the first line names unknown columns: {', '.join(sorted(unknown))}", param="file"
        )
    if len(set(names)) < len(names):
        raise InvalidInput("the first line names a column twice", param="file")


def _of_row(row: dict[str, Any], line: int) -> NewPrice:
    if row.get(_MORE):
        raise InvalidInput(f"line {line}: more values than columns", param="file")
    try:
        cached = (row.get("cached") or "").strip()
        return NewPrice(
            model=(row["model"] or "").strip(),
            input_micros=dollars_micros(row["input"] or "", "input"),
            output_micros=dollars_micros(row["output"] or "", "output"),
            cached_micros=dollars_micros(cached, "cached") if cached else None,
        )
    except InvalidInput as error:
        raise InvalidInput(f"line {line}: {error.param} {error.detail}", param="file") from None
