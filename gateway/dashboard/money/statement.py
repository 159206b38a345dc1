"""Show what changed the balance in a period."""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from billing.documents.acts import LIST
from billing.reports.attributed_statement import statement_page
from billing.reports.credit_history import credit_ahead
from gateway.dashboard.listing import Paged
from gateway.dashboard.own_lists import OwnList, Way
from gateway.dashboard.route import page_route
from gateway.html.forms import NO_PROBLEM, Form, Problem, problem_of, read_query
from gateway.html.phrase import phrase
from gateway.html.render import page
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from gateway.surfaces import API_PREFIX
from kernel.clock import (
    DAY_US,
    day_start_us,
    moment_us,
    month_start_us,
    next_month_start_us,
    parse_rfc3339,
    rfc3339,
)
from kernel.errors import DomainError, InvalidInput
from kernel.fields import Fields, time_us
from keys.account import get_account

ENTRIES_SHOWN: Final = 200
DAYS: Final = 30
MONTHS_MAX: Final = 120


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    asked, problem = read_query(call), NO_PROBLEM
    today = day_start_us(call.now_us)
    since, until = today - DAYS * DAY_US, today + DAY_US
    months = await _months(call)
    try:
        since, until = _period(asked, months, (since, until))
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
        months=months,
        month=_month_of(since, until, months),
        ahead=await database.read(lambda tx: credit_ahead(tx, tenant, now_us=call.now_us)),
        download=f"{API_PREFIX}/topup/statement?{urlencode({**period, 'format': 'csv_excel'})}",
        printed=f"{API_PREFIX}/topup/statement?{urlencode({**period, 'format': 'pdf'})}",
    )


def _period(asked: Form, months: Sequence[str], usual: tuple[int, int]) -> tuple[int, int]:
    month = asked.text("month")
    if month and month not in months:
        raise InvalidInput(phrase("choose a month of the list"), param="month")
    if month:
        return _bounds(month)
    since, until = (time_us(_moment(asked.text(name)), name) for name in ("from", "to"))
    return usual[0] if since is None else since, usual[1] if until is None else until


def _month_of(since: int, until: int, months: Sequence[str]) -> str:
    month = _name(since)
    return month if month in months and (since, until) == _bounds(month) else ""


async def _months(call: RequestContext[Any, Any]) -> list[str]:
    account_id = call.principal.account_id
    account = await call.context.database.read(lambda tx: get_account(tx, account_id))
    at, found = month_start_us(call.now_us), [_name(call.now_us)]
    while at > account.created_at and len(found) < MONTHS_MAX:
        at = month_start_us(at - 1)
        found.append(_name(at))
    return found


def _name(at_us: int) -> str:
    return rfc3339(at_us)[:7]


def _bounds(month: str) -> tuple[int, int]:
    since = parse_rfc3339(f"{month}-01T00:00:00Z")
    return since, next_month_start_us(since)


def _moment(day: str) -> str | None:
    return f"{day}T00:00:00Z" if day else None


MONTHS_SHOWN: Final = 12


async def _statements(call: RequestContext[Any, Any], _listed: Paged) -> Mapping[str, Any]:
    tenant = call.principal.tenant
    account = await call.context.database.read(lambda tx: get_account(tx, tenant.account_id))
    months, older = _latest_months(
        account.created_at, call.now_us, before=read_query(call).text("months_before")
    )
    # In the live environment, there are no documents until the operator has set up the seller.
    has_seller = tenant.environment != "live" or call.context.settings.seller.is_known
    return {"months": months, "older": older, "has_seller": has_seller}


def _latest_months(since_us: int, now_us: int, *, before: str) -> tuple[Sequence[str], str | None]:
    """Return the latest months, such as 2026-11. If there are earlier months, also return the last one shown."""
    first, at_us = month_start_us(since_us), month_start_us(now_us)
    with contextlib.suppress(ValueError):
        at_us = min(at_us, month_start_us(moment_us(before) - 1)) if before else at_us
    found: list[str] = []
    while at_us >= first and len(found) < MONTHS_SHOWN:
        found.append(rfc3339(at_us)[:7])
        at_us = month_start_us(at_us - 1)
    return found, found[-1] if found and at_us >= first else None


_DOCUMENTS: Final = OwnList(
    path="/documents",
    title=phrase("Documents"),
    lead=phrase("Receipts for payments, notes for refunds, and a statement for each month."),
    listed=LIST,
    empty=phrase("No documents in %(environment)s yet"),
    advice=phrase("Each payment gets its receipt within seconds."),
    filters=("kind", "order_id", "dated_after", "dated_before"),
    ways=(
        Way(
            "billing:read", "/dashboard/account#billing", phrase("Billing details"), is_beside=True
        ),
        Way("billing:write", "/dashboard/buy", phrase("Buy credit")),
    ),
    template="documents.html",
    more=_statements,
)
ROUTES = (
    page_route("GET", "/statement", show, "Statement", ("topup:read",)),
    _DOCUMENTS.route(),
)
