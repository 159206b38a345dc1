"""A list's page: the filters of its address, the API's page of items, and the way to the next one."""

import re
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, Final

from gateway.dashboard.paging import (
    COUNTED_MAX,
    NOTHING_SUMMED,
    ROWS,
    Paged,
    Period,
    Summed,
    Total,
    address,
    kept_of,
    laid_out,
    total_of,
)
from gateway.dashboard.sorting import sorting_of
from gateway.html.forms import problem_of, read_query
from gateway.html.phrase import phrase
from gateway.html.zone import ReadersZone, zone_of_request
from gateway.http.request_context import RequestContext
from gateway.internal_client import ask
from gateway.surfaces import API_PREFIX
from kernel.errors import DomainError

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NOT_NARROWED: Final[Mapping[str, str]] = {}
_DAYS = ("created_after", "created_before", "dated_after", "dated_before")


# Takes the API's query.
Count = Callable[[Mapping[str, Any]], Awaitable[Total]]
# Each period's name, and how many days before today it begins.
_PERIODS: Final = (
    (phrase("Today"), 0),
    (phrase("Last 7 days"), 6),
    (phrase("Last 30 days"), 29),
    (phrase("Last 90 days"), 89),
)


async def listing(
    call: RequestContext[Any, Any],
    path: str,
    *filters: str,
    rows: int = ROWS,
    here: str = "",
    has_csv: bool = True,
    sorts: Collection[str] = (),
    summed: Summed = NOTHING_SUMMED,
    count: Count | None = None,
    narrowed: Mapping[str, str] = _NOT_NARROWED,
) -> Paged:
    """Call the API for the list at that path. A refused filter is reported, and nothing listed.

    here: the address of its further pages, by default the call's own path. has_csv: the API gives it as CSV.
    sorts: further orders of its cursors. count: of a list whose rows are dear to show. narrowed: filters that
    the address doesn't choose.
    """
    asked, here = read_query(call), here or call.path
    kept = kept_of(call, filters)
    wanted = {**{name: text for name, text in kept.items() if name in filters}, **narrowed}
    sorting = sorting_of(call, sorts, kept, path=here)
    query: dict[str, Any] = {
        **wanted,
        "cursor": asked.text("cursor") or sorting.chosen,
        "limit": rows,
    }
    query |= moments_of(call, wanted)
    shown: dict[str, Any] = {
        "filters": filters,
        "sorting": sorting,
        "here": here,
        "periods": _periods(call, filters, kept, here),
    }
    try:
        data = (await ask(call, "GET", path, query=query)).data
        total = (
            None if asked.text("cursor") else await _total(call, path, query, data, summed, count)
        )
    except DomainError as error:
        return laid_out(call, (), None, problem=problem_of(error), **shown)
    whole = {**query, "cursor": sorting.chosen, "limit": "", "format": "csv_excel"}
    return laid_out(
        call,
        data["items"],
        data["next_cursor"] if data["has_more"] else None,
        csv_url=address(API_PREFIX + path, whole) if has_csv else None,
        total=total,
        **shown,
    )


def moments_of(call: RequestContext[Any, Any], wanted: Mapping[str, str]) -> dict[str, str]:
    """Convert days of the reader to the moments that the API takes."""
    zone = zone_of_request(call.scope)
    return {
        name: _first_moment(text, zone) if _DAY.fullmatch(text) else text
        for name in _DAYS
        if (text := wanted.get(name, ""))
    }


async def _total(
    call: RequestContext[Any, Any],
    path: str,
    query: Mapping[str, Any],
    data: Mapping[str, Any],
    summed: Summed,
    count: Count | None,
) -> Total:
    if data["has_more"] and count is not None:
        return await count({name: text for name, text in query.items() if text})
    if data["has_more"]:
        data = (await ask(call, "GET", path, query=query, rows=COUNTED_MAX + 1)).data
    return total_of(data["items"], summed, is_more=data["has_more"])


def _periods(
    call: RequestContext[Any, Any], filters: Sequence[str], kept: Mapping[str, str], here: str
) -> Sequence[Period]:
    """Return the periods of a list that has a filter by day, in the reader's zone."""
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
    """Leave an invalid day to the API, which refuses it."""
    try:
        return zone.start_of_day(day)
    except (ValueError, OverflowError):
        return f"{day}T00:00:00Z"
