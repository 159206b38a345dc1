"""A file of prices: CSV in dollars, or JSON in micros, for 1,000,000 tokens.

CSV: columns `model`, `input`, `output` and optionally `cached`. JSON: objects with `model`, `input_micros`,
`output_micros` and optionally `cached_micros`. Cached input defaults to the input price.
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
# The name of what is behind the last column.
_MORE: Final = "\n"
_read_json: Final = msgspec.json.Decoder(list[NewPrice]).decode


def read_prices(text: str) -> Sequence[NewPrice]:
    """Return the file's prices; raise InvalidInput, which names the line or place."""
    text = text.removeprefix("\ufeff")
    found = _of_json(text) if text.lstrip()[:1] in {"[", "{"} else _of_csv(text)
    if len(found) > PRICES_MAX:
        raise InvalidInput(f"A price list has at most {PRICES_MAX} prices.", param="file")
    return found


def dollars_micros(text: str, param: str) -> int:
    match = _DOLLARS.fullmatch(text.strip().removeprefix("$"))
    if match is None:
        raise InvalidInput("Give an amount in dollars, such as 2.50.", param=param)
    return int(match[1]) * MICROS_PER_DOLLAR + int((match[2] or "").ljust(6, "0"))


def _of_json(text: str) -> Sequence[NewPrice]:
    try:
        return _read_json(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise InvalidInput(f"The JSON can't be read: {error}.", param="file") from None


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
        raise InvalidInput(f"Line {line} can't be read: {error}.", param="file") from None
    return found


def _check_columns(names: Sequence[str]) -> None:
    missing = {"model", "input", "output"} - set(names)
    if missing:
        raise InvalidInput(f"The first line lacks {', '.join(sorted(missing))}.", param="file")
    if unknown := set(names) - set(COLUMNS):
        raise InvalidInput(
            f"The first line names unknown columns: {', '.join(sorted(unknown))}.", param="file"
        )
    if len(set(names)) < len(names):
        raise InvalidInput("The first line names a column twice.", param="file")


def _of_row(row: dict[str, Any], line: int) -> NewPrice:
    if row.get(_MORE):
        raise InvalidInput(f"Line {line} has more values than columns.", param="file")
    try:
        cached = (row.get("cached") or "").strip()
        return NewPrice(
            model=(row["model"] or "").strip(),
            input_micros=dollars_micros(row["input"] or "", "input"),
            output_micros=dollars_micros(row["output"] or "", "output"),
            cached_micros=dollars_micros(cached, "cached") if cached else None,
        )
    except InvalidInput as error:
        raise InvalidInput(f"Line {line}, {error.param}: {error.detail}", param="file") from None
