"""Lists that are whole in memory, a table or a catalogue: in their own order, by page like any."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from gateway.answers.envelope import page
from gateway.answers.outcome import Listing
from gateway.http.fields import Page
from kernel.errors import InvalidInput

T = TypeVar("T")


def short_list(items: Sequence[T], query: Page, cursor: Callable[[T], str]) -> Listing[T]:
    """The `data` of one page. cursor: what tells items apart; the next page's is the last one's.

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
