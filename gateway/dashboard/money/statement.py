"""The statement: the transfers of a period, and the whole of it to download."""

from typing import Final
from urllib.parse import urlencode

from billing.ledger import statement
from billing.reports.credit_ahead import credit_ahead
from gateway.dashboard.route import page_route
from gateway.html.forms import NO_PROBLEM, Problem, problem_of, read_query
from gateway.html.render import page
from gateway.http.fields import Fields, time_us
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from gateway.surfaces import API_PREFIX
from kernel.clock import DAY_US, day_start_us, rfc3339
from kernel.errors import DomainError

LINES_SHOWN: Final = 200
DAYS: Final = 30


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    """The first lines of the period; the last thirty days unless another is asked for."""
    asked, problem = read_query(call), NO_PROBLEM
    today = day_start_us(call.now_us)
    since, until = today - DAYS * DAY_US, today + DAY_US
    try:
        since = time_us(_moment(asked.text("from")), "from") or since
        until = time_us(_moment(asked.text("to")), "to") or until
    except DomainError as error:
        problem = problem_of(error)
    lines: list[statement.StatementLine] = []
    if problem is NO_PROBLEM:
        if since >= until:
            problem = Problem(422, "The first day is before the last one.")
        tenant = call.principal.tenant
        found = statement.lines(call.context.database, tenant, since=since, until=until)
        async for line in found:
            lines.append(line)
            if len(lines) > LINES_SHOWN:
                break
    period = {"from": rfc3339(since), "to": rfc3339(until)}
    return page(
        call,
        "statement.html",
        status=problem.status,
        problem=problem,
        lines=lines[:LINES_SHOWN],
        has_more=len(lines) > LINES_SHOWN,
        period=period,
        ahead=await call.context.database.read(
            lambda tx: credit_ahead(tx, call.principal.tenant, now_us=call.now_us)
        ),
        download=f"{API_PREFIX}/topup/statement?{urlencode({**period, 'format': 'csv'})}",
    )


def _moment(day: str) -> str | None:
    return f"{day}T00:00:00Z" if day else None


ROUTES = (page_route("GET", "/statement", show, "Statement", ("topup:read",)),)
