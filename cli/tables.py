"""Print records and lists for people. A record has one field per line. A list is a table that fits the terminal.

Columns are in order of importance. IDs and times are never shortened. Other text is cut with "…". Columns that
don't fit are named below the table.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDTH: Final = 80
WIDTH_MAX: Final = 240
_GAP: Final = 2
_EDGES: Final = 2
# Text that is cut shorter than this would be meaningless.
_CUT_MIN: Final = 14
# Sentences and values must be readable as a whole, so they wrap.
_SENTENCES: Final = frozenset({"description", "detail", "reason", "text", "value", "what"})
_SENTENCE_MIN: Final = 16
# IDs and times are never shortened, because part of one is useless.
_WHOLE: Final = re.compile(r"[a-z]{2,4}_[0-9A-Za-z]{4,40}|\d{4}-\d\d-\d\dT\d\d:\d\dZ|-")
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d):\d\d(?:\.\d+)?Z")


def print_fields(records: Sequence[tuple[str, Mapping[str, str]]]) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        # A pipe has no width, and its reader wants whole lines.
        console = Console(highlight=False, width=WIDTH_MAX)
    for title, record in records:
        if title:
            console.print(f"\n[bold]{title}[/]")
        console.print(_fields_table(record))


def print_rows(
    rows: Sequence[Mapping[str, str]], columns: Sequence[str], *, pipe_width: int = WIDTH
) -> list[str]:
    console = Console(highlight=False)
    # A pipe has no width. Programs should read --json.
    width = console.width if console.is_terminal else pipe_width
    table, left_out = fitting(rows, columns, width=width)
    Console(highlight=False, width=max(width, WIDTH_MAX)).print(table)
    return left_out


def _fields_table(record: Mapping[str, str]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in record.items():
        table.add_row(name, Text(text))
    return table


def fitting(
    rows: Sequence[Mapping[str, str]], columns: Sequence[str], *, width: int
) -> tuple[Table, list[str]]:
    """Return the table, and the columns that don't fit. Only a table with a single column can be too wide."""
    width -= _EDGES
    texts = {name: [_minute(row[name]) for row in rows] for name in columns}
    wanted = {name: _widest([_head(name), *texts[name]]) for name in columns}
    least = {
        name: _least(
            texts[name], wanted[name], is_first=name == columns[0], is_sentence=name in _SENTENCES
        )
        for name in columns
    }
    shown = _with_room(columns, least, width)
    widths = _shared(shown, wanted, least, width)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    for name in shown:
        table.add_column(_head(name), **_column_width(widths[name], is_wrapped=name in _SENTENCES))
    for number in range(len(rows)):
        table.add_row(*(Text(texts[name][number]) for name in shown))
    return table, [name for name in columns if name not in shown]


def _column_width(width: int, *, is_wrapped: bool) -> dict[str, Any]:
    if is_wrapped:
        return {"width": width, "overflow": "fold"}
    return {"width": width, "overflow": "ellipsis", "no_wrap": True}


def _least(texts: Sequence[str], wanted: int, *, is_first: bool, is_sentence: bool) -> int:
    if is_first or all(map(_WHOLE.fullmatch, texts)):
        return wanted
    return min(wanted, _SENTENCE_MIN if is_sentence else _CUT_MIN)


def _with_room(columns: Sequence[str], least: Mapping[str, int], width: int) -> list[str]:
    shown: list[str] = []
    used = -_GAP
    for name in columns:
        if not shown or used + _GAP + least[name] <= width:
            shown.append(name)
            used += _GAP + least[name]
    return shown


def _shared(
    shown: Sequence[str], wanted: Mapping[str, int], least: Mapping[str, int], width: int
) -> dict[str, int]:
    """Return each column's width. Each column gets its minimum. The remaining width goes first to the columns that need
    the least.
    """
    left = width - sum(least[name] for name in shown) - _GAP * (len(shown) - 1)
    widths = {}
    by_wish = sorted(shown, key=lambda name: wanted[name] - least[name])
    for number, name in enumerate(by_wish):
        more = min(wanted[name] - least[name], max(left, 0) // (len(by_wish) - number))
        widths[name], left = least[name] + more, left - more
    return widths


def _widest(texts: Sequence[str]) -> int:
    return max(cell_len(text) for text in texts)


def _head(column: str) -> str:
    return column.replace("_", " ")


def _minute(text: str) -> str:
    found = _TIME.fullmatch(text)
    return text if found is None else found[1] + "Z"
