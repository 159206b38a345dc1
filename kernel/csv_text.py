"""Write CSV that no spreadsheet reads as formulas: RFC 4180, lines ended by CR and LF.

A text cell that begins with = + - @ (also full width, which a Japanese spreadsheet accepts), a tab or a line
end gets an apostrophe in front, as OWASP advises against "CSV injection". So does such a character inside a
cell behind a semicolon or a tab, where some programs, such as Excel in much of Europe, begin a new cell.
Numbers are written as they are.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

# Excel reads a file that begins with it as UTF-8.
BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_SIGNS: Final = "=+\\-@\uff1d\uff0b\uff0d\uff20"
_FORMULA: Final = re.compile(rf"\A(?=[{_SIGNS}\t\r\n])|(?<=[;\t\r\n])(?=[{_SIGNS}])")


def csv_lines(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """Return a line for each row, in the order of the columns; a missing value or None is empty."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows([_cell(row.get(name)) for name in columns] for row in rows)
    return text.getvalue()


def csv_head(columns: Sequence[str]) -> str:
    """Return the line of the columns' names."""
    return csv_lines(columns, [dict(zip(columns, columns, strict=True))])


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return _FORMULA.sub("'", value) if isinstance(value, str) else value
