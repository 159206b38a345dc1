"""A list's page: the filters of its address, the API's page of items, and the way to the next one."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from gateway.dashboard.sorting import UNSORTED, Sorting, sorting_of
from gateway.html.forms import NO_PROBLEM, Form, Problem, problem_of, read_query
from gateway.html.phrase import phrase
from gateway.html.zone import ReadersZone, zone_of_request
from gateway.http.request_context import RequestContext
from gateway.internal_client import ask
from gateway.surfaces import API_PREFIX
from kernel.errors import DomainError

ROWS: int = 50
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DAYS = ("created_after", "created_before", "dated_after", "dated_before")


# Each period's name, and how many days before today it begins.
_PERIODS: Final = (
    (phrase("Today"), 0),
    (phrase("Last 7 days"), 6),
    (phrase("Last 30 days"), 29),
    (phrase("Last 90 days"), 89),
)


class Period(NamedTuple):
    """A link that narrows the list to a time up to now."""

    label: str
    url: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class ListView:
    """What the template shows. next_url and first_url are null without such a page; csv_url is the whole list
    with its filters, null if the API has no CSV of it.
    """

    items: Sequence[Mapping[str, Any]] = ()
    filters: Form = field(default_factory=Form)
    problem: Problem = NO_PROBLEM
    is_filtered: bool = False
    next_url: str | None = None
    first_url: str | None = None
    csv_url: str | None = None
    sorting: Sorting = UNSORTED
    periods: Sequence[Period] = ()


async def listing(
    call: RequestContext[Any, Any],
    path: str,
    *filters: str,
    rows: int = ROWS,
    here: str = "",
    has_csv: bool = True,
    sorts: Collection[str] = (),
    **fixed: Any,
) -> ListView:
    """Call the API for the list at that path. A refused filter is reported, and nothing listed.

    here: the address of its further pages, by default the call's own path. has_csv: the API gives it as CSV.
    sorts: further orders of its cursors.
    """
    asked = read_query(call)
    wanted = {name: text for name in filters if (text := asked.text(name))}
    here = here or call.path
    sorting = sorting_of(call, sorts, wanted, path=here)
    cursor = asked.text("cursor") or sorting.chosen
    query = {**wanted, **fixed, "cursor": cursor, "limit": rows}
    zone = zone_of_request(call.scope)
    for name in _DAYS:
        # A browser's date field has a day of the reader's; the API wants a moment.
        if _DAY.fullmatch(str(query.get(name, ""))):
            query[name] = _first_moment(query[name], zone)
    is_filtered = bool(wanted)
    periods = _periods(call, filters, wanted, here)
    try:
        data = (await ask(call, "GET", path, query=query)).data
    except DomainError as error:
        return ListView((), asked, problem_of(error), is_filtered, sorting=sorting, periods=periods)
    wanted |= {"sort": sorting.chosen} if sorting.chosen else {}
    whole = {**query, "cursor": sorting.chosen, "limit": "", "format": "csv_excel"}
    whole = {name: value for name, value in whole.items() if value}
    following = data["next_cursor"] if data["has_more"] else None
    return ListView(
        data["items"],
        asked,
        NO_PROBLEM,
        is_filtered,
        None if following is None else f"{here}?{urlencode({**wanted, 'cursor': following})}",
        f"{here}?{urlencode(wanted)}" if asked.text("cursor") else None,
        f"{API_PREFIX}{path}?{urlencode(whole)}" if has_csv else None,
        sorting,
        periods,
    )


def _periods(
    call: RequestContext[Any, Any], filters: Sequence[str], wanted: Mapping[str, str], here: str
) -> Sequence[Period]:
    """Return the periods of a list that has a filter by day, in the reader's zone."""
    after = next((name for name in filters if name in {"created_after", "dated_after"}), None)
    if after is None:
        return ()
    rest = {name: text for name, text in wanted.items() if name not in _DAYS}
    zone = zone_of_request(call.scope)
    days = [(label, zone.day_before(call.now_us, back)) for label, back in _PERIODS]
    given = {name: wanted.get(name) for name in _DAYS if name in wanted}
    return [
        Period(label, f"{here}?{urlencode({**rest, after: day})}", given == {after: day})
        for label, day in days
    ]


def _first_moment(day: str, zone: ReadersZone) -> str:
    """Leave an invalid day to the API, which refuses it."""
    try:
        return zone.start_of_day(day)
    except (ValueError, OverflowError):
        return f"{day}T00:00:00Z"
