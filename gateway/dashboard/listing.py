"""Lay out a list page: filters, order, total, periods, columns and saved views."""

import base64
import hashlib
import re
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, urlencode

import msgspec
from starlette.responses import Response

from gateway.answers.words import API_PREFIX
from gateway.dashboard.refused import is_safe_way
from gateway.dashboard.route import page_route
from gateway.html.format import micros, money, price
from gateway.html.forms import NO_PROBLEM, Form, Problem, problem_of, read_form, read_query
from gateway.html.language import ReadersZone, zone_of_request
from gateway.html.phrase import phrase
from gateway.html.render import go
from gateway.http.own_acts import list_own, run_route
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply, Route
from gateway.http.session_cookie import cookies_named, is_https
from kernel.errors import DomainError, InvalidInput
from kernel.fields import Fields
from kernel.shaped import Listing
from keys.act import ListAct
from keys.principal import ACCOUNT_SCOPES
from store.keyset import OLDEST_FIRST, SORTED_ROWS_MAX

_VIEWS_COOKIE: Final = "topup_views"
_VIEWS_MAX: Final = 12
_NAME_CHARACTERS_MAX: Final = 40
# Browsers store cookies of up to 4,096 bytes.
_BYTES_MAX: Final = 3_600
_OWNER_CHARACTERS: Final = 16
_YEAR_S: Final = 365 * 86_400


class SavedView(NamedTuple):
    """`owner` is a digest of the user and the account."""

    owner: str
    name: str
    address: str

    @property
    def path(self) -> str:
        return self.address.partition("?")[0]


def views_of(call: RequestContext[Any, Any], address: str) -> Sequence[SavedView]:
    path, owner = address.partition("?")[0], _view_owner(call)
    return [one for one in _views(call) if (one.owner, one.path) == (owner, path)]


async def save_view(call: RequestContext[Fields, Fields]) -> Reply:
    view = _asked_view(call)
    if not 0 < len(view.name) <= _NAME_CHARACTERS_MAX:
        raise InvalidInput(phrase("write a name of at most 40 characters"), param="name")
    return _with_views(call, [*_other_views(call, view), view], view.address, "view-saved")


async def delete_view(call: RequestContext[Fields, Fields]) -> Reply:
    view = _asked_view(call)
    return _with_views(call, _other_views(call, view), view.path, "view-deleted")


def _asked_view(call: RequestContext[Any, Any]) -> SavedView:
    form = read_form(call)
    view = SavedView(_view_owner(call), form.text("name"), form.text("address"))
    if not (is_safe_way(view.address) and view.path.startswith("/dashboard/")):
        raise InvalidInput(phrase("this is no list of the dashboard"), param="address")
    return view


def _other_views(call: RequestContext[Any, Any], view: SavedView) -> list[SavedView]:
    return [one for one in _views(call) if _view_place(one) != _view_place(view)]


def _view_place(view: SavedView) -> tuple[str, str, str]:
    return view.owner, view.path, view.name


def _views(call: RequestContext[Any, Any]) -> list[SavedView]:
    """Return all views saved in this browser, or none if the cookie can't be read."""
    sent = cookies_named(call.headers, _VIEWS_COOKIE)
    if len(sent) != 1:
        return []
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(sent.pop()), type=list[SavedView])
    except ValueError:
        return []


def _with_views(
    call: RequestContext[Any, Any], views: list[SavedView], way: str, said: str
) -> Response:
    owner = _view_owner(call)
    own = [one for one in views if one.owner == owner]
    others = [one for one in views if one.owner != owner]
    while len(value := _encoded_views([*others, *own])) > _BYTES_MAX and others:
        del others[0]
    if len(own) > _VIEWS_MAX or len(value) > _BYTES_MAX:
        full = phrase("there is no room for another view: delete one first")
        raise InvalidInput(full, param="name")
    response = go(way, said=said)
    response.set_cookie(
        _VIEWS_COOKIE,
        value,
        max_age=_YEAR_S,
        path="/dashboard",
        secure=is_https(call.scope, call.context.settings),
        httponly=True,
        samesite="lax",
    )
    return response


def _encoded_views(views: Sequence[SavedView]) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(views)).decode()


def _view_owner(call: RequestContext[Any, Any]) -> str:
    caller = call.principal
    text = f"{caller.person_id} {caller.account_id}"
    return hashlib.sha256(text.encode()).hexdigest()[:_OWNER_CHARACTERS]


# The first click on these columns sorts from A to Z. For others, it puts the greatest value first.
_RISES_FIRST: Final = frozenset({"name", "url"})


@dataclass(frozen=True, slots=True)
class Sorting:
    """If `chosen` is empty, the newest rows come first. Only the `newest_max` newest rows are sorted, or all rows
    if it is 0.
    """

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
        """Return the URL that sorts the list by this column. If the list is already sorted that way, reverse the
        order.
        """
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
# Reading one extra row reveals whether another page follows.
ASKED: Final = ROWS + 1
COUNTED_MAX: Final = 1_000
COLUMNS: Final = "columns"


class Period(NamedTuple):
    label: str
    url: str
    is_current: bool


class Summed(NamedTuple):
    """An empty `currency` means US dollars."""

    amount: str = ""
    currency: str = ""


NOTHING_SUMMED: Final = Summed()


class Total(NamedTuple):
    """The number of rows. If `is_more` is true, there may be more. Each function in `sums` returns the
    formatted total in one currency.
    """

    number: int
    is_more: bool = False
    sums: Sequence[Callable[[], str]] = ()


@dataclass(frozen=True, slots=True)
class Paged:
    """`here` is the first page's address. `total` is None if it wasn't counted. `columns` are the columns that the
    reader chose. If there are none, the list's own columns are shown.
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
        """Return the CSS classes that hide the columns that the reader left out."""
        chosen = self.columns or [name for name, _ in offered]
        hidden = [n for n, (name, _) in enumerate(offered, first) if name not in chosen]
        return "".join(f" without-{number}" for number in hidden)


def laid_out(
    call: RequestContext[Any, Any],
    items: Sequence[Any],
    following: str | None,
    *,
    filters: Sequence[str],
    sorting: Sorting,
    here: str = "",
    **more: Any,
) -> Paged:
    asked, here = read_query(call), here or call.path
    kept = {**kept_of(call, filters), "sort": sorting.chosen}
    first = address(here, kept)
    return Paged(
        items,
        asked,
        any(asked.text(param) for param in filters),
        None if following is None else address(here, {**kept, "cursor": following}),
        first if asked.text("cursor") else None,
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


_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NOT_NARROWED: Final[Mapping[str, str]] = {}
_DAYS = ("created_after", "created_before", "dated_after", "dated_before")


Count = Callable[[Mapping[str, Any]], Awaitable[Total]]
_PERIODS: Final = (
    (phrase("Today"), 0),
    (phrase("Last 7 days"), 6),
    (phrase("Last 30 days"), 29),
    (phrase("Last 90 days"), 89),
)


async def listing(
    call: RequestContext[Any, Any],
    act: ListAct[Any, Any] | Route,
    *filters: str,
    rows: int = ROWS,
    here: str = "",
    summed: Summed = NOTHING_SUMMED,
    count: Count | None = None,
    narrowed: Mapping[str, str] = _NOT_NARROWED,
) -> Paged:
    """Read and lay out a page of the caller's list. If a filter is refused, the list is empty and says why.

    `here` is the address of the list's pages. `count` counts the rows if showing all is expensive. `narrowed`
    contains filters that aren't in the address.
    """
    asked, here = read_query(call), here or call.path
    kept = kept_of(call, filters)
    wanted = {**{name: text for name, text in kept.items() if name in filters}, **narrowed}
    sorting = sorting_of(call, _sorts_of(act), kept, path=here)
    query: dict[str, Any] = {
        **wanted,
        "cursor": asked.text("cursor") or sorting.chosen,
    }
    query |= moments_of(call, wanted)
    shown: dict[str, Any] = {
        "filters": filters,
        "sorting": sorting,
        "here": here,
        "periods": _periods(call, filters, kept, here),
    }
    try:
        found = await _read(call, act, query, rows)
        total = None
        if not asked.text("cursor"):
            total = await _total(call, act, query, found, summed, count)
    except DomainError as error:
        return laid_out(call, (), None, problem=problem_of(error), **shown)
    whole = {**query, "cursor": sorting.chosen, "format": "csv_excel"}
    has_csv = isinstance(act, Route) or bool(act.export)
    return laid_out(
        call,
        found.items,
        found.next_cursor if found.has_more else None,
        csv_url=address(API_PREFIX + act.path, whole) if has_csv else None,
        total=total,
        **shown,
    )


def moments_of(call: RequestContext[Any, Any], wanted: Mapping[str, str]) -> dict[str, str]:
    """Convert days in the filters to times, in the reader's time zone."""
    zone = zone_of_request(call.scope)
    return {
        name: _first_moment(text, zone) if _DAY.fullmatch(text) else text
        for name in _DAYS
        if (text := wanted.get(name, ""))
    }


def _sorts_of(act: ListAct[Any, Any] | Route) -> Collection[str]:
    return act.sorts if isinstance(act, ListAct) else ()


async def _read(
    call: RequestContext[Any, Any],
    act: ListAct[Any, Any] | Route,
    query: Mapping[str, Any],
    rows: int,
) -> Listing[Any]:
    if isinstance(act, ListAct):
        return await list_own(call, act, query, rows=rows)
    return msgspec.convert((await run_route(call, act, query=query, rows=rows)).data, Listing[Any])


async def _total(
    call: RequestContext[Any, Any],
    act: ListAct[Any, Any] | Route,
    query: Mapping[str, Any],
    found: Listing[Any],
    summed: Summed,
    count: Count | None,
) -> Total:
    if found.has_more and count is not None:
        return await count({name: text for name, text in query.items() if text})
    if found.has_more:
        found = await _read(call, act, query, COUNTED_MAX + 1)
    return total_of(found.items, summed, is_more=found.has_more)


def _periods(
    call: RequestContext[Any, Any], filters: Sequence[str], kept: Mapping[str, str], here: str
) -> Sequence[Period]:
    after = next((name for name in filters if name in {"created_after", "dated_after"}), None)
    if after is None:
        return ()
    rest = {name: text for name, text in kept.items() if name not in _DAYS}
    zone = zone_of_request(call.scope)
    days = [(label, zone.day_before(call.now_us, back)) for label, back in _PERIODS]
    given = {name: kept.get(name) for name in _DAYS if name in kept}
    return [
        Period(label, address(here, {**rest, after: day}), given == {after: day})
        for label, day in days
    ]


def _first_moment(day: str, zone: ReadersZone) -> str:
    """Return the day's first moment. If the day is invalid, return a text that the act will refuse."""
    try:
        return zone.start_of_day(day)
    except (ValueError, OverflowError):
        return f"{day}T00:00:00Z"


def all_links(
    path: str, on: str, acts: Mapping[str, str], listed: Paged
) -> Sequence[tuple[str, str]]:
    kept = dict(listed.kept)
    return [(label, address(path, {"on": on, "do": act, **kept})) for label, act in acts.items()]


VIEW_ROUTES = (
    page_route("POST", "/views", save_view, "Save a view", ACCOUNT_SCOPES),
    page_route("POST", "/views/delete", delete_view, "Delete a saved view", ACCOUNT_SCOPES),
)
