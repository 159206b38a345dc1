"""Lists that are whole in memory, a table or a catalogue: in their own order, by page like any."""

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.answers.envelope import page
from gateway.http.fields import Page
from kernel.errors import InvalidInput


def short_list(items: Sequence[Mapping[str, Any]], query: Page, name: str) -> Mapping[str, Any]:
    """The `data` of one page. name: the field that tells items apart; a cursor is its last value.

    Raises InvalidInput for a cursor that is no item's.
    """
    first = 0
    if query.cursor is not None:
        known = [str(item[name]) for item in items]
        if query.cursor not in known:
            raise InvalidInput("not a cursor of this list", param="cursor")
        first = known.index(query.cursor) + 1
    shown = items[first : first + query.limit]
    has_more = first + query.limit < len(items)
    return page(shown, str(shown[-1][name]) if has_more else None)
