"""A page of rows from a read of one more than are shown, and the way to the next page."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from gateway.dashboard.sorting import UNSORTED, Sorting, sorting_of
from gateway.html.forms import Form, read_query
from gateway.http.request_context import RequestContext
from store.keyset import end_of

ROWS: Final = 50
# One row more says that there is another page.
ASKED: Final = ROWS + 1


@dataclass(frozen=True, slots=True)
class Paged:
    """What the template shows. next_url and first_url are null without such a page."""

    items: Sequence[Any] = ()
    filters: Form = field(default_factory=Form)
    is_filtered: bool = False
    next_url: str | None = None
    first_url: str | None = None
    csv_url: str | None = None
    sorting: Sorting = UNSORTED


def paged(
    call: RequestContext[Any, Any],
    rows: Sequence[Any],
    cursor_of: Callable[[Any], str],
    *,
    filters: Sequence[str] = (),
    name: str = "cursor",
    has_csv: bool = False,
    sorts: Collection[str] = (),
) -> Paged:
    """Lay out at most ASKED rows. name: the cursor's parameter, if a page has two lists.

    has_csv: the same address gives the whole list, too (gateway/dashboard/sheet.py). sorts: of the list's
    Keyset.
    """
    asked = read_query(call)
    wanted: Mapping[str, str] = {param: text for param in filters if (text := asked.text(param))}
    is_filtered, sorting = bool(wanted), sorting_of(call, sorts, wanted)
    if sorting.chosen:
        wanted = {**wanted, "sort": sorting.chosen}
    shown, end = rows[:ROWS], end_of(rows)
    following = cursor_of(shown[-1]) if len(rows) > ROWS else None
    if following is None and end is not None:
        following = f"{sorting.chosen}.{end}" if sorting.chosen else end
    return Paged(
        shown,
        asked,
        is_filtered,
        None if following is None else f"{call.path}?{urlencode({**wanted, name: following})}",
        f"{call.path}?{urlencode(wanted)}" if asked.text(name) else None,
        f"{call.path}?{urlencode({**wanted, 'format': 'csv_excel'})}" if has_csv else None,
        sorting,
    )
