"""Lay out, for a merchant, the list that an act returns."""

import re
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, Final

import msgspec

from gateway.answers.words import API_PREFIX
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
    sorting_of,
    total_of,
)
from gateway.html.forms import problem_of, read_query
from gateway.html.phrase import phrase
from gateway.html.zone import ReadersZone, zone_of_request
from gateway.http.own_acts import list_own, run_route
from gateway.http.request_context import RequestContext
from gateway.http.routing import Route
from kernel.errors import DomainError
from kernel.shaped import Listing
from keys.act import ListAct

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NOT_NARROWED: Final[Mapping[str, str]] = {}
_DAYS = ("created_after", "created_before", "dated_after", "dated_before")


Count = Callable[[Mapping[str, Any]], Awaitable[Total]]
# How many days before today each begins.
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
    sorts: Collection[str] = (),
    summed: Summed = NOTHING_SUMMED,
    count: Count | None = None,
    narrowed: Mapping[str, str] = _NOT_NARROWED,
) -> Paged:
    """Read a page of the caller's list; report a refused filter, and list nothing.

    here: the address of the list's further pages. sorts: the list's other orders. count: counts a list whose rows
    are expensive to show. narrowed: filters that the address doesn't choose.
    """
    asked, here = read_query(call), here or call.path
    kept = kept_of(call, filters)
    wanted = {**{name: text for name, text in kept.items() if name in filters}, **narrowed}
    sorting = sorting_of(call, sorts, kept, path=here)
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
    return laid_out(
        call,
        found.items,
        found.next_cursor if found.has_more else None,
        csv_url=address(API_PREFIX + act.path, whole),
        total=total,
        **shown,
    )


def moments_of(call: RequestContext[Any, Any], wanted: Mapping[str, str]) -> dict[str, str]:
    """Convert the reader's days to the act's moments."""
    zone = zone_of_request(call.scope)
    return {
        name: _first_moment(text, zone) if _DAY.fullmatch(text) else text
        for name in _DAYS
        if (text := wanted.get(name, ""))
    }


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
    """Leave an invalid day for the act to refuse."""
    try:
        return zone.start_of_day(day)
    except (ValueError, OverflowError):
        return f"{day}T00:00:00Z"
