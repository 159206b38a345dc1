"""Lay out a list's page: rows, total, the next page, columns and views."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, urlencode

from gateway.dashboard.saved_views import SavedView, views_of
from gateway.html.format import micros, money, price
from gateway.html.forms import NO_PROBLEM, Form, Problem, read_query
from gateway.http.request_context import RequestContext
from store.keyset import OLDEST_FIRST, SORTED_ROWS_MAX, end_of

# The first click sorts these from A, and others from the greatest.
_RISES_FIRST: Final = frozenset({"name", "url"})


@dataclass(frozen=True, slots=True)
class Sorting:
    """chosen: the order; if empty, newest first. newest_max: how many of the newest rows are ordered; 0 means all."""

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


ROWS: Final = 50
# One row more means another page.
ASKED: Final = ROWS + 1
COUNTED_MAX: Final = 1_000
COLUMNS: Final = "columns"


class Period(NamedTuple):
    label: str
    url: str
    is_current: bool


class Summed(NamedTuple):
    """currency: if empty, US dollars."""

    amount: str = ""
    currency: str = ""


NOTHING_SUMMED: Final = Summed()


class Total(NamedTuple):
    """is_more: there are at least `number`. sums: each writes the amount of one currency."""

    number: int
    is_more: bool = False
    sums: Sequence[Callable[[], str]] = ()


@dataclass(frozen=True, slots=True)
class Paged:
    """What the template shows. here: the first page's address. total: None if it wasn't counted. columns: those
    that the reader chose; if empty, the list's own.
    """

    items: Sequence[Any] = ()
    filters: Form = field(default_factory=Form)
    is_filtered: bool = False
    next_url: str | None = None
    first_url: str | None = None
    csv_url: str | None = None
    sorting: Sorting = UNSORTED
    problem: Problem = NO_PROBLEM
    periods: Sequence[Period] = ()
    here: str = ""
    total: Total | None = None
    views: Sequence[SavedView] = ()
    columns: Sequence[str] = ()

    @property
    def base(self) -> str:
        return self.here.partition("?")[0]

    @property
    def kept(self) -> Sequence[tuple[str, str]]:
        return [one for one in parse_qsl(self.here.partition("?")[2]) if one[0] != COLUMNS]

    def without(self, offered: Sequence[tuple[str, str]], first: int = 1) -> str:
        """Return the classes that hide what the reader left out."""
        chosen = self.columns or [name for name, _ in offered]
        hidden = [n for n, (name, _) in enumerate(offered, first) if name not in chosen]
        return "".join(f" without-{number}" for number in hidden)


def paged(
    call: RequestContext[Any, Any],
    rows: Sequence[Any],
    cursor_of: Callable[[Any], str],
    *,
    filters: Sequence[str] = (),
    name: str = "cursor",
    has_csv: bool = False,
    sorts: Collection[str] = (),
    total: Total | None = None,
) -> Paged:
    """Lay out at most ASKED rows. name: the cursor's parameter. has_csv: offer the whole list as CSV at the
    same address.
    """
    kept = kept_of(call, filters)
    sorting = sorting_of(call, sorts, kept)
    end = end_of(rows)
    following = cursor_of(rows[ROWS - 1]) if len(rows) > ROWS else None
    if following is None and end is not None:
        following = f"{sorting.chosen}.{end}" if sorting.chosen else end
    csv = {**kept, "sort": sorting.chosen, "format": "csv_excel"} if has_csv else None
    return laid_out(
        call,
        rows[:ROWS],
        following,
        filters=filters,
        name=name,
        sorting=sorting,
        csv_url=None if csv is None else address(call.path, csv),
        total=total,
    )


def laid_out(
    call: RequestContext[Any, Any],
    items: Sequence[Any],
    following: str | None,
    *,
    filters: Sequence[str],
    sorting: Sorting,
    here: str = "",
    name: str = "cursor",
    **more: Any,
) -> Paged:
    asked, here = read_query(call), here or call.path
    kept = {**kept_of(call, filters), "sort": sorting.chosen}
    first = address(here, kept)
    return Paged(
        items,
        asked,
        any(asked.text(param) for param in filters),
        None if following is None else address(here, {**kept, name: following}),
        first if asked.text(name) else None,
        sorting=sorting,
        here=first,
        views=views_of(call, first),
        columns=columns_of(asked),
        **more,
    )


def kept_of(call: RequestContext[Any, Any], filters: Sequence[str]) -> dict[str, str]:
    asked = read_query(call)
    kept = {name: text for name in filters if (text := asked.text(name))}
    columns = ",".join(columns_of(asked))
    return {**kept, COLUMNS: columns} if columns else kept


def columns_of(asked: Form) -> Sequence[str]:
    return [one for text in asked.many(COLUMNS) for one in text.split(",") if one]


def address(path: str, query: Mapping[str, str]) -> str:
    shown = urlencode({name: text for name, text in query.items() if text}, safe=",")
    return f"{path}?{shown}" if shown else path


def total_of(
    rows: Sequence[Any], summed: Summed = NOTHING_SUMMED, *, is_more: bool = False
) -> Total:
    is_more = is_more or len(rows) > COUNTED_MAX
    if is_more or not summed.amount:
        return Total(min(len(rows), COUNTED_MAX), is_more)
    sums: dict[str, int] = {}
    for row in rows:
        amount = _part(row, summed.amount)
        currency = _part(row, summed.currency) if summed.currency else ""
        if amount is not None:
            sums[currency] = sums.get(currency, 0) + amount
    write = micros if summed.amount.endswith("_micros") else money
    return Total(
        len(rows),
        sums=[
            partial(price, amount, currency) if currency else partial(write, amount)
            for currency, amount in sorted(sums.items())
        ],
    )


def _part(row: Any, name: str) -> Any:
    return row[name] if isinstance(row, Mapping) else getattr(row, name)
