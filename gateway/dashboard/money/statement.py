"""The statement: what changed the balance in a period, and the whole of it to download."""

from typing import Final
from urllib.parse import urlencode

from billing.reports.credit_ahead import credit_ahead
from billing.reports.statement_page import statement_page
from gateway.dashboard.route import page_route
from gateway.html.forms import NO_PROBLEM, Problem, problem_of, read_query
from gateway.html.phrase import phrase
from gateway.html.render import page
from gateway.http.fields import Fields, time_us
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from gateway.surfaces import API_PREFIX
from kernel.clock import DAY_US, day_start_us, rfc3339
from kernel.errors import DomainError

ENTRIES_SHOWN: Final = 200
DAYS: Final = 30


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    """What changed the balance in the period; the last thirty days unless another is asked for."""
    asked, problem = read_query(call), NO_PROBLEM
    today = day_start_us(call.now_us)
    since, until = today - DAYS * DAY_US, today + DAY_US
    try:
        since = time_us(_moment(asked.text("from")), "from") or since
        until = time_us(_moment(asked.text("to")), "to") or until
    except DomainError as error:
        problem = problem_of(error)
    if since >= until:
        problem = Problem(422, phrase("The first day is before the last one."))
        until = since
    tenant, database = call.principal.tenant, call.context.database
    period = {"from": rfc3339(since), "to": rfc3339(until)}
    return page(
        call,
        "statement.html",
        status=problem.status,
        problem=problem,
        shown=await statement_page(
            database, tenant, since=since, until=until, entries_max=ENTRIES_SHOWN
        ),
        last_day=rfc3339(until - 1)[:10],
        period=period,
        ahead=await database.read(lambda tx: credit_ahead(tx, tenant, now_us=call.now_us)),
        download=f"{API_PREFIX}/topup/statement?{urlencode({**period, 'format': 'csv_excel'})}",
        printed=f"{API_PREFIX}/topup/statement?{urlencode({**period, 'format': 'pdf'})}",
    )


def _moment(day: str) -> str | None:
    return f"{day}T00:00:00Z" if day else None


ROUTES = (page_route("GET", "/statement", show, "Statement", ("topup:read",)),)
