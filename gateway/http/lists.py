"""The pages of lists: of rows, newest first, and of what is whole in memory, in its own order."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from operator import attrgetter
from typing import Any, TypeVar

from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer, listing, page
from gateway.answers.outcome import Listing
from gateway.http.fields import Page, cursor_id
from gateway.http.request_context import RequestContext
from kernel.errors import InvalidInput

Q = TypeVar("Q", bound=Page)
R = TypeVar("R")
T = TypeVar("T")


async def list_rows(
    call: RequestContext[Any, Q],
    prefix: str,
    read: Callable[..., Awaitable[Sequence[R]]],
    *,
    shape: Callable[[R], object],
    cursor: Callable[[R], str] = attrgetter("id"),
) -> Answer:
    """The answer of a list, newest first; prefix: of the ids that its cursors are.

    read(tx, before_id=, limit=) gives the rows older than before_id; one more than asked tells
    whether there is another page. Raises InvalidInput for another list's cursor.
    """
    limit, before_id = call.query.limit, cursor_id(call.query.cursor, prefix)
    rows = await call.context.database.read(partial(read, before_id=before_id, limit=limit + 1))
    data = listing(rows, limit, shape=shape, cursor=cursor)
    return answer(codes.SUCCESS, data, now_us=call.now_us)


def short_list(items: Sequence[T], query: Page, cursor: Callable[[T], str]) -> Listing[T]:
    """The `data` of one page of items in memory. cursor: what tells items apart; the next page's is the last one's.

    Raises InvalidInput for a cursor that is no item's.
    """
    first = 0
    if query.cursor is not None:
        known = [cursor(item) for item in items]
        if query.cursor not in known:
            raise InvalidInput("not a cursor of this list", param="cursor")
        first = known.index(query.cursor) + 1
    shown = list(items[first : first + query.limit])
    has_more = first + query.limit < len(items)
    return page(shown, cursor(shown[-1]) if has_more else None)
