"""Write CSV (RFC 4180, CRLF) without text that spreadsheets would run as formulas.

As OWASP advises, an apostrophe is put before a text that begins with = + - @ (also in full width), a tab or a
line end, and before such a sign that follows a semicolon, tab or line end.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

# If a file begins with this mark, Excel reads it as UTF-8.
BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_SIGNS: Final = "=+\\-@\uff1d\uff0b\uff0d\uff20"
_FORMULA: Final = re.compile(rf"\A(?=[{_SIGNS}\t\r\n])|(?<=[;\t\r\n])(?=[{_SIGNS}])")


_CHARACTERS_MAX: Final = 40
_OTHERS: Final = re.compile(r"[^a-z0-9]+")


def csv_lines(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """Write a line for each row. A missing value or None becomes an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows([_cell(row.get(name)) for name in columns] for row in rows)
    return text.getvalue()


def csv_head(columns: Sequence[str]) -> str:
    return csv_lines(columns, [dict(zip(columns, columns, strict=True))])


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return _FORMULA.sub("'", value) if isinstance(value, str) else value


def plain_name(text: str) -> str:
    ascii_only = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return _OTHERS.sub("-", ascii_only.lower()).strip("-")[:_CHARACTERS_MAX].rstrip("-")
