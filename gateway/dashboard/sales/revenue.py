"""Revenue: money that came in by month, and the credit that customers still hold."""

from billing.reports.money_back import RevenuePeriod
from billing.reports.revenue import (
    OutstandingLine,
    RevenueLine,
    credit_lines,
    revenue_lines,
)
from gateway.dashboard.admin.fields import admin_route, day_us
from gateway.html.forms import NO_PROBLEM, Form, problem_of, read_query
from gateway.html.render import page
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from gateway.surfaces import API_PREFIX
from kernel.clock import DAY_US, rfc3339
from kernel.errors import DomainError, InvalidInput
from kernel.fields import Fields

DAYS = 366


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    """The last year by month, unless the query says otherwise."""
    asked, problem = read_query(call), NO_PROBLEM
    money, credit = list[RevenueLine](), list[OutstandingLine]()
    period = _period(call, Form())
    database = call.context.database.unhurried()
    try:
        period = _period(call, asked)
        money = list(await revenue_lines(database, period))
        credit = list(await credit_lines(database, period))
    except DomainError as error:
        problem = problem_of(error)
    query = f"from={rfc3339(period.since)}&to={rfc3339(period.until)}&format=csv_excel"
    return page(
        call,
        "admin/revenue.html",
        status=problem.status,
        problem=problem,
        money=money,
        credit=credit,
        since=rfc3339(period.since)[:10],
        until=rfc3339(period.until)[:10],
        downloads=[
            (name, f"{API_PREFIX}/reports/{name.lower()}?{query}")
            for name in ("Revenue", "Outstanding")
        ],
    )


def _period(call: RequestContext[Fields, Fields], asked: Form) -> RevenuePeriod:
    until = day_us(asked, "until") or (call.now_us // DAY_US + 1) * DAY_US
    since = day_us(asked, "since")
    if since is None:
        since = until - DAYS * DAY_US
    if since >= until:
        raise InvalidInput("the first day is before the last one", param="until")
    return RevenuePeriod(call.principal.environment, since, until)


ROUTES = (admin_route("GET", "/revenue", show, "Money in, and credit that is still held"),)
