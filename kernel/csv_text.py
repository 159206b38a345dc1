"""Lines of CSV that no spreadsheet takes for formulas: RFC 4180, each line ended by CR and LF.

A cell of text that begins with = + - @, one of them in full width, a tab or a line end gets an apostrophe before
it, as OWASP advises against "CSV injection": a spreadsheet in Japanese takes the wide ones, too. So does such a
character inside a cell where a new cell would begin for a program that parts cells at semicolons or tabs, as
Excel does in much of Europe, or that does not mind quotes. Numbers are written as they are, a minus too.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

# Excel takes a file for UTF-8 that begins with it.
BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_SIGNS: Final = "=+\\-@\uff1d\uff0b\uff0d\uff20"
_FORMULA: Final = re.compile(rf"\A(?=[{_SIGNS}\t\r\n])|(?<=[;\t\r\n])(?=[{_SIGNS}])")


def csv_lines(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """A line for each row, in the order of the columns; what a row lacks or has as None is empty."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows([_cell(row.get(name)) for name in columns] for row in rows)
    return text.getvalue()


def csv_head(columns: Sequence[str]) -> str:
    """The first line: the columns' names."""
    return csv_lines(columns, [dict(zip(columns, columns, strict=True))])


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return _FORMULA.sub("'", value) if isinstance(value, str) else value
