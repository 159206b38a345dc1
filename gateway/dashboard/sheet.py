"""Show a list that no API call returns, as a page or as CSV (`format=csv`).

Each column names an attribute of a row, such as `a.b`. No column holds a secret that can be spent.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final, Generic, TypeVar

from gateway.dashboard.listing import (
    ASKED,
    COUNTED_MAX,
    NOTHING_SUMMED,
    ROWS,
    UNSORTED,
    Paged,
    Summed,
    Total,
    address,
    kept_of,
    laid_out,
    sorting_of,
    total_of,
)
from gateway.html.forms import read_query
from gateway.html.render import page
from gateway.http.lists import ROWS_AT_ONCE, CsvPage, Export, csv_stream
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.clock import rfc3339
from keys.principal import ADMIN
from store.database import Transaction
from store.keyset import end_of

R = TypeVar("R")
ReadRows = Callable[[Transaction, str | None, int], Awaitable[Sequence[R]]]
ReadAll = Callable[[Transaction], Awaitable[Sequence[R]]]

FORMATS: Final = frozenset({"csv", "csv_excel"})
_TIMES: Final = ("_at", "_until", "_day", "since")


@dataclass(frozen=True)
class Sheet(Generic[R]):
    """A list's file name, columns and sort orders, and the scopes that its page requires."""

    name: str
    columns: Sequence[str]
    cursor: Callable[[R], Any] = attrgetter("id")
    filters: Sequence[str] = ()
    sorts: Collection[str] = ()
    scopes: Sequence[str] = (ADMIN,)
    summed: Summed = NOTHING_SUMMED

    @property
    def is_everybodys(self) -> bool:
        return ADMIN in self.scopes

    def after(self, row: R, sort: str) -> str:
        return str(_after(sort, str(self.cursor(row))))

    def seen(self, row: R) -> Any:
        return row

    def cells(self, row: R) -> Mapping[str, object]:
        seen = self.seen(row)
        return {_name(column): _cell(seen, column) for column in self.columns}

    def total(self, rows: Sequence[R]) -> Total:
        seen = list(map(self.seen, rows)) if self.summed.amount else rows
        return total_of(seen, self.summed, is_more=end_of(rows) is not None)


async def list_page(
    call: RequestContext[Any, Any], template: str, sheet: Sheet[R], read: ReadRows[R], **values: Any
) -> Reply:
    whole = await whole_list(call, sheet, read)
    if whole is not None:
        return whole
    return page(call, template, listing=await one_page(call, sheet, read), **values)


async def short_page(
    call: RequestContext[Any, Any], template: str, sheet: Sheet[R], read: ReadAll[R], **values: Any
) -> Reply:
    """Show a bounded list."""
    whole = await whole_short_list(call, sheet, read)
    if whole is not None:
        return whole
    found = await call.context.database.read(read)
    return page(call, template, listing=short(call, sheet, found), **values)


def short(call: RequestContext[Any, Any], sheet: Sheet[R], found: Sequence[R]) -> Paged:
    filters = sheet.filters
    return laid_out(
        call,
        found,
        None,
        filters=filters,
        sorting=UNSORTED,
        csv_url=address(call.path, {**kept_of(call, filters), "format": "csv_excel"}),
        total=sheet.total(found),
    )


async def whole_short_list(
    call: RequestContext[Any, Any], sheet: Sheet[R], read: ReadAll[R]
) -> Reply | None:
    """Return the whole list as CSV, or None if the address asks for a page."""

    async def read_page(tx: Transaction, cursor: str | None, _limit: int) -> Sequence[R]:
        return () if cursor else await read(tx)

    return await whole_list(call, sheet, read_page)


async def one_page(call: RequestContext[Any, Any], sheet: Sheet[R], read: ReadRows[R]) -> Paged:
    given, sort = read_query(call).text("cursor"), _sort(call, sheet)
    is_first, begin = not given, given or sort or None

    async def work(tx: Transaction) -> tuple[Sequence[R], Total | None]:
        found = counted = await read(tx, begin, ASKED)
        if is_first and (len(found) == ASKED or end_of(found) is not None):
            counted = await read(tx, begin, COUNTED_MAX + 1)
        return found, sheet.total(counted) if is_first else None

    found, total = await call.context.database.read(work)
    kept, end = kept_of(call, sheet.filters), end_of(found)
    following = sheet.after(found[ROWS - 1], sort) if len(found) > ROWS else _after(sort, end)
    return laid_out(
        call,
        found[:ROWS],
        following,
        filters=sheet.filters,
        sorting=sorting_of(call, sheet.sorts, kept),
        csv_url=address(call.path, {**kept, "sort": sort, "format": "csv_excel"}),
        total=total,
    )


async def whole_list(
    call: RequestContext[Any, Any], sheet: Sheet[R], read: ReadRows[R]
) -> Reply | None:
    """Return the rows after the cursor as CSV, or None if the address asks for a page."""
    asked = read_query(call)
    form, sort = asked.text("format"), _sort(call, sheet)
    if form not in FORMATS:
        return None

    async def page_after(cursor: str | None) -> CsvPage:
        rows = await call.context.database.read(lambda tx: read(tx, cursor, ROWS_AT_ONCE))
        following = _after(sort, end_of(rows))
        if len(rows) == ROWS_AT_ONCE:
            following = sheet.after(rows[-1], sort)
        return CsvPage([sheet.cells(row) for row in rows], following)

    export = Export(sheet.name, sheet.scopes, [_name(column) for column in sheet.columns])
    cursor = asked.text("cursor") or sort or None
    return await csv_stream(
        call, export, form, page_after, cursor, is_everybodys=sheet.is_everybodys
    )


def _after(sort: str, cursor: str | None) -> str | None:
    return f"{sort}.{cursor}" if sort and cursor is not None else cursor


def _sort(call: RequestContext[Any, Any], sheet: Sheet[R]) -> str:
    return sorting_of(call, sheet.sorts, {}).chosen


def _name(column: str) -> str:
    return column.replace(".", "_")


def _cell(row: object, column: str) -> object:
    value: Any = row
    for name in column.split("."):
        if value is not None:
            value = value.get(name) if isinstance(value, Mapping) else getattr(value, name)
    is_time = isinstance(value, int) and column.endswith(_TIMES)
    return rfc3339(value) if is_time else value
