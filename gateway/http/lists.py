"""Build responses that list items: pages, and streams such as CSV.

While a slow client reads, no transaction is open, and at most one page is in memory. If an error occurs after
the first page, the body ends with a visible mark.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar

import msgspec
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp

from gateway.answers.compression import compressed
from gateway.http.auth import check_presented, presented
from gateway.http.fields import cursor_after, place_of
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.clock import rfc3339
from kernel.csv_text import BYTE_ORDER_MARK, csv_head, csv_lines, plain_name
from kernel.errors import UnknownCursor
from kernel.fields import Page
from kernel.shaped import Listing, to_builtins
from keys.account import get_account
from keys.principal import Principal, check_address, require_scope
from store.keyset import Begin, ListStretch, end_of

ROWS_AT_ONCE: Final = 500
# Credentials are cached for half a second. With this interval, a revoked key's response ends within a second.
CHECK_S: Final = 0.35
CSV_TYPE: Final = "text/csv; charset=utf-8"
CUT: Final = b"# This list was cut off here: it is not whole. Export it again.\r\n"

Q = TypeVar("Q", bound=Page)
R = TypeVar("R")
T = TypeVar("T")


class Export(NamedTuple):
    """How a list is exported as CSV. A column named a.b is field b of field a."""

    name: str
    scopes: Sequence[str]
    columns: Sequence[str]
    shape: Callable[[Any], object] | None = None


class CsvPage(NamedTuple):
    rows: Sequence[object]
    following: Any | None


def page(items: list[T], next_cursor: str | None) -> Listing[T]:
    return Listing(items=items, next_cursor=next_cursor, has_more=next_cursor is not None)


def listing(
    rows: Sequence[R], limit: int, *, shape: Callable[[R], T], cursor: Callable[[R], str]
) -> Listing[T]:
    """Build a list's `data`. If `rows` has more than `limit` rows, another page follows."""
    shown = rows[:limit]
    has_more = len(rows) > limit
    return page([shape(row) for row in shown], cursor(shown[-1]) if has_more else None)


async def rows_page(
    call: RequestContext[Any, Q],
    prefix: str,
    read: Callable[..., Awaitable[Sequence[R]]],
    *,
    shape: Callable[[R], T],
    sorts: Collection[str] = (),
) -> Listing[T]:
    limit, begin = call.query.limit, place_of(call.query.cursor, prefix, sorts)
    rows = await call.context.database.read(partial(read, before_id=begin, limit=limit + 1))
    if len(rows) <= limit and (end := end_of(rows)) is not None:
        return page([shape(row) for row in rows], cursor_after(begin, end))
    return listing(rows, limit, shape=shape, cursor=partial(_cursor, begin))


async def rows_csv(
    call: RequestContext[Any, Any],
    prefix: str,
    read: Callable[..., Awaitable[Sequence[R]]],
    export: Export,
    *,
    shape: Callable[[R], object],
    sorts: Collection[str] = (),
) -> Reply:
    written = export.shape or shape

    async def page_after(text: str | None) -> CsvPage:
        begin = place_of(text, prefix, sorts)
        rows = await call.context.database.read(partial(read, before_id=begin, limit=ROWS_AT_ONCE))
        end = end_of(rows)
        following = None if end is None else cursor_after(begin, end)
        if len(rows) == ROWS_AT_ONCE:
            following = _cursor(begin, rows[-1])
        return CsvPage([written(row) for row in rows], following)

    return await csv_stream(call, export, call.query.format, page_after, call.query.cursor)


async def stretch_page(
    call: RequestContext[Any, Q],
    read: Callable[..., Awaitable[Sequence[R]]],
    *,
    shape: Callable[[R], T],
) -> Listing[T]:
    """Return a page of a list whose read function takes the cursor itself and returns ListStretches."""
    query = call.query
    rows = await call.context.database.read(
        partial(read, before_id=query.cursor, limit=query.limit)
    )
    end = end_of(rows)
    has_more = end is not None if not isinstance(rows, ListStretch) else rows.has_more
    return Listing(items=[shape(row) for row in rows], next_cursor=end, has_more=has_more)


async def stretches_csv(
    call: RequestContext[Any, Any],
    read: Callable[..., Awaitable[Sequence[R]]],
    export: Export,
    *,
    shape: Callable[[R], object],
) -> Reply:
    async def csv_page(cursor: str | None) -> CsvPage:
        rows = await call.context.database.read(partial(read, before_id=cursor, limit=ROWS_AT_ONCE))
        return CsvPage([shape(row) for row in rows], end_of(rows))

    return await csv_stream(call, export, call.query.format, csv_page, call.query.cursor)


async def csv_stream(
    call: RequestContext[Any, Any],
    export: Export,
    form: str,
    read: Callable[[Any | None], Awaitable[CsvPage]],
    cursor: Any | None,
    *,
    is_everybodys: bool = False,
) -> ASGIApp:
    parts = csv_parts(export.columns, await read(cursor), read)
    owner = "all" if is_everybodys else await _own_name(call)
    name = file_name(call, export.name, owner)
    return csv_file(call, export.scopes, parts, name=name, form=form)


async def short_csv(
    call: RequestContext[Any, Any],
    export: Export,
    form: str,
    items: Sequence[object],
    *,
    is_everybodys: bool = False,
) -> ASGIApp:
    async def whole(_cursor: object) -> CsvPage:
        return CsvPage(items, None)

    return await csv_stream(call, export, form, whole, None, is_everybodys=is_everybodys)


def csv_file(
    call: RequestContext[Any, Any],
    scopes: Sequence[str],
    parts: AsyncIterator[bytes],
    *,
    name: str,
    form: str,
) -> ASGIApp:
    headers = {
        "Content-Disposition": f'attachment; filename="{name}.csv"',
        "Cache-Control": "private, no-store",
    }
    admitted = marked_if_cut(while_admitted(call, scopes, parts), is_marked=form == "csv_excel")
    return _streaming(call, admitted, CSV_TYPE, headers)


def file_name(call: RequestContext[Any, Any], what: str, owner: str) -> str:
    parts = (what, plain_name(owner), call.principal.environment, rfc3339(call.now_us)[:10])
    return "-".join(part for part in parts if part)


async def _own_name(call: RequestContext[Any, Any]) -> str:
    account_id = call.principal.account_id
    return (await call.context.database.read(lambda tx: get_account(tx, account_id))).name


async def marked_if_cut(parts: AsyncIterator[bytes], *, is_marked: bool) -> AsyncIterator[bytes]:
    """Yield the parts of a CSV. If an error cuts it off, yield a last line that says so, and raise the error."""
    if is_marked:
        yield BYTE_ORDER_MARK
    try:
        async for part in parts:
            yield part
    except Exception:
        yield CUT
        raise


async def csv_parts(
    columns: Sequence[str], page: CsvPage, read: Callable[[Any | None], Awaitable[CsvPage]]
) -> AsyncIterator[bytes]:
    names = [column.replace(".", "_") for column in columns]
    yield csv_head(names).encode()
    while True:
        if page.rows:
            yield csv_lines(names, (_flat(row, columns, names) for row in page.rows)).encode()
        if page.following is None:
            return
        page = await read(page.following)


def _cursor(begin: Begin, row: Any) -> str:
    return cursor_after(begin, row.id)


def short_list(items: Sequence[T], query: Page, cursor: Callable[[T], str]) -> Listing[T]:
    first = 0
    if query.cursor is not None:
        known = [cursor(item) for item in items]
        if query.cursor not in known:
            raise UnknownCursor
        first = known.index(query.cursor) + 1
    shown = list(items[first : first + query.limit])
    has_more = first + query.limit < len(items)
    return page(shown, cursor(shown[-1]) if has_more else None)


async def admitted_again(call: RequestContext[Any, Any], scopes: Sequence[str]) -> Principal:
    """Authenticate the caller again. Raise an error unless the caller could still make the same request."""
    token, is_cookie = presented(call.scope, call.headers, call.context.settings)
    principal = await call.context.authenticator.authenticate(token)
    # A waiting /mcp tool may use a token that is valid only for /mcp.
    check_presented(principal, is_cookie=is_cookie, takes_mcp=call.principal.kind == "mcp")
    assert principal.tenant == call.principal.tenant, "a credential's account never changes"
    if principal.ip_allow_lists:
        check_address(principal, call.address)
    require_scope(principal, *scopes)
    return principal


def streamed(
    call: RequestContext[Any, Any],
    scopes: Sequence[str],
    parts: AsyncIterator[bytes],
    *,
    media_type: str,
    headers: Mapping[str, str] | None = None,
) -> ASGIApp:
    """Stream a body's parts. The response may be compressed, so no part may contain a secret."""
    return _streaming(call, while_admitted(call, scopes, parts), media_type, headers)


def _streaming(
    call: RequestContext[Any, Any],
    parts: AsyncIterator[bytes],
    media_type: str,
    headers: Mapping[str, str] | None,
) -> ASGIApp:
    if call.method == "HEAD":
        return Response(media_type=media_type, headers={**(headers or {})})
    return compressed(StreamingResponse(parts, media_type=media_type, headers=headers))


async def while_admitted(
    call: RequestContext[Any, Any],
    scopes: Sequence[str],
    parts: AsyncIterator[bytes],
    *,
    check_s: float = CHECK_S,
) -> AsyncIterator[bytes]:
    checked_s = time.monotonic()
    async for part in parts:
        now_s = time.monotonic()
        if now_s - checked_s >= check_s:
            await admitted_again(call, scopes)
            checked_s = now_s
        yield part


def _flat(row: object, columns: Sequence[str], names: Sequence[str]) -> dict[str, object]:
    fields = to_builtins(row)
    return {
        name: _cell(fields, column.split(".")) for name, column in zip(names, columns, strict=True)
    }


def _cell(fields: Any, path: Sequence[str]) -> object:
    value = fields
    for name in path:
        value = None if value is None else value.get(name)
    return msgspec.json.encode(value).decode() if isinstance(value, dict | list | tuple) else value
