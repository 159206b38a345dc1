"""Sort a list by the address's `sort`: the oldest first, or by a column, with a "-" the greatest first."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from gateway.html.forms import read_query
from gateway.http.request_context import RequestContext
from store.keyset import OLDEST_FIRST, SORTED_ROWS_MAX

# A first press sorts these from A, others from the greatest.
_RISES_FIRST: Final = frozenset({"name", "url"})


@dataclass(frozen=True, slots=True)
class Sorting:
    """chosen: empty: the newest first. newest_max: how many of the newest rows a column orders; 0: all."""

    offered: Collection[str] = ()
    chosen: str = ""
    path: str = ""
    kept: Mapping[str, str] = field(default_factory=dict)
    newest_max: int = SORTED_ROWS_MAX

    def way(self, column: str) -> str:
        if column == OLDEST_FIRST:
            return {"": "descending", OLDEST_FIRST: "ascending"}.get(self.chosen, "")
        return {column: "ascending", f"-{column}": "descending"}.get(self.chosen, "")

    def url(self, column: str) -> str:
        """Return the list by that column, reversed if it is ordered by it."""
        other = {"ascending": "-", "descending": ""}
        first = "" if column in _RISES_FIRST else "-"
        sort = other.get(self.way(column), first) + column
        query = {**self.kept, "sort": "" if sort == f"-{OLDEST_FIRST}" else sort}
        shown = urlencode({name: text for name, text in query.items() if text})
        return f"{self.path}?{shown}" if shown else self.path


UNSORTED: Final = Sorting()


def sorting_of(
    call: RequestContext[Any, Any],
    offered: Collection[str],
    kept: Mapping[str, str],
    *,
    path: str = "",
    newest_max: int = SORTED_ROWS_MAX,
) -> Sorting:
    sort = read_query(call).text("sort")
    is_known = sort.removeprefix("-") in offered and sort != f"-{OLDEST_FIRST}"
    return Sorting(offered, sort if is_known else "", path or call.path, kept, newest_max)
