"""The margin: what delivered top-ups were charged, what they cost, and what is left."""

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from msgspec.structs import asdict

from billing.reports.margin import MARGIN_BY, MarginLine, MarginPeriod, margin_lines
from gateway.dashboard.admin.fields import SCOPES, admin_route, day_us
from gateway.dashboard.sheet import FORMATS
from gateway.html.forms import NO_PROBLEM, Form, problem_of, read_query
from gateway.html.render import page
from gateway.http.lists import Export, short_csv
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.clock import DAY_US, rfc3339
from kernel.errors import DomainError, InvalidInput
from kernel.fields import Fields

DAYS: Final = 30
LINES_MAX: Final = 500
_EXPORT: Final = Export("margin", SCOPES, MarginLine.__struct_fields__)


@dataclass(frozen=True, slots=True)
class _Total:
    """What all lines add up to, in cents."""

    topups: int
    charged_cents: int
    fee_cents: int
    cost_cents: int
    margin_cents: int
    without_cost: int


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    """The last 30 days by day, unless the query says otherwise."""
    asked, problem, lines = read_query(call), NO_PROBLEM, list[MarginLine]()
    by = [one for one in MARGIN_BY if asked.text(f"by_{one}")] or ["day"]
    period = _period(call, Form())
    try:
        period = _period(call, asked)
        lines = list(await margin_lines(call.context.database, period, by=by))
    except DomainError as error:
        problem = problem_of(error)
    form = asked.text("format")
    if form in FORMATS and problem is NO_PROBLEM:
        return await short_csv(call, _EXPORT, form, lines, is_everybodys=True)
    return page(
        call,
        "admin/margin.html",
        status=problem.status,
        problem=problem,
        lines=lines[:LINES_MAX],
        lines_total=len(lines),
        by=by,
        groups=MARGIN_BY,
        total=_total(lines),
        platform=asked.text("platform"),
        since=rfc3339(period.since)[:10],
        until=rfc3339(period.until)[:10],
        download=f"{call.path}?{urlencode({**_asked(asked), 'format': 'csv_excel'})}",
    )


def _asked(asked: Form) -> dict[str, str]:
    """What of the address narrows the report."""
    names = ("since", "until", "platform", *(f"by_{one}" for one in MARGIN_BY))
    return {name: text for name in names if (text := asked.text(name))}


def _period(call: RequestContext[Any, Any], asked: Form) -> MarginPeriod:
    tomorrow = (call.now_us // DAY_US + 1) * DAY_US
    until = day_us(asked, "until") or tomorrow
    since = day_us(asked, "since")
    if since is None:
        since = until - DAYS * DAY_US
    if since >= until:
        raise InvalidInput("the first day is before the last one", param="until")
    return MarginPeriod(
        call.principal.environment, since, until, asked.text("platform").lower() or None
    )


def _total(lines: list[MarginLine]) -> _Total:
    names = _Total.__dataclass_fields__
    return _Total(*(sum(asdict(one)[name] for one in lines) for name in names))


ROUTES = (admin_route("GET", "/margin", show, "What was earned"),)
