"""Show the dashboard's first page: balance, recent activity, and what needs attention."""

from typing import Any, Final, NamedTuple

from starlette.responses import Response

from billing.credits.sandbox_acts import ADVANCE, CLOCK, FUND
from billing.ledger.money import cents_to_micros
from billing.reports.activity import lately
from billing.reports.balance_acts import SET_THRESHOLD, SHOW
from billing.reports.credit_history import credit_ahead
from billing.topups.acts import LIST as TOPUPS
from gateway.dashboard.route import overlooked_s, page_route, review_waiting
from gateway.html.chart import Chart, Compared, Series, balance_line, bars, compared, halves
from gateway.html.forms import NO_PROBLEM, Problem, Typed, problem_of, read_form
from gateway.html.phrase import phrase
from gateway.html.render import go, page
from gateway.http.own_acts import list_own, read_own, run_own
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError
from kernel.fields import Fields
from kernel.limits import PAGE_ITEMS_MAX
from keys.api_keys.acts import LIST_KEYS
from keys.principal import ACCOUNT_SCOPES, ADMIN
from webhooks.endpoints.acts import LIST as ENDPOINTS
from webhooks.endpoints.health_acts import NOTICES

PATH: Final = "/dashboard"
_TOPUP_SERIES: Final = (
    Series(phrase("delivered"), "good", ("delivered",)),
    Series(phrase("pending"), "calm", ("scheduled", "pending", "reversing")),
    Series(phrase("failed, cancelled or reversed"), "bad", ("failed", "cancelled", "reversed")),
)
# Periods, in seconds.
_STEPS: Final = (
    ("3600", phrase("An hour")),
    ("86400", phrase("A day")),
    ("604800", phrase("A week")),
    ("2678400", phrase("31 days")),
    ("31622400", phrase("366 days")),
)
_DELIVERIES: Final = (
    Series(phrase("delivered"), "good", ("delivered",)),
    Series(phrase("under way"), "calm", ("pending", "sending")),
    Series(phrase("failed or cancelled"), "bad", ("failed", "cancelled")),
)


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    return await _overview(call)


async def fund(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    typed = Typed(form)
    body = {"amount_cents": typed.cents("amount", is_required=True)}
    key = form.idempotency_key
    try:
        await run_own(call, FUND, body, key=key, wrong=typed.wrong)
    except DomainError as error:
        return await _overview(call, problem_of(error))
    return go(PATH, said="funded")


async def move_clock(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    try:
        body = {"advance_s": form.integer("advance_s")}
        await run_own(call, ADVANCE, body, key=form.idempotency_key)
    except DomainError as error:
        return await _overview(call, problem_of(error))
    return go(PATH, said="clock-moved")


async def set_threshold(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    try:
        body = {"low_balance_thresholds_cents": form.several_cents("threshold")}
        await run_own(call, SET_THRESHOLD, body)
    except DomainError as error:
        return await _overview(call, problem_of(error))
    return go(PATH, said="threshold-set")


async def _overview(call: RequestContext[Any, Any], problem: Problem = NO_PROBLEM) -> Response:
    balance = await read_own(call, SHOW)
    tenant, now_us = call.principal.tenant, call.now_us
    return page(
        call,
        "overview.html",
        status=problem.status,
        problem=problem,
        balance=balance,
        clock=await read_own(call, CLOCK),
        steps=_STEPS,
        is_empty_live=call.principal.environment == "live" and balance["sendable_cents"] <= 0,
        endpoints=(await list_own(call, ENDPOINTS, {"limit": 10})).items,
        unwell=await _unwell(call),
        topups=(await list_own(call, TOPUPS, {"limit": 6})).items,
        has_keys=await _has_keys(call),
        lately=await _lately(call, cents_to_micros(balance["balance_cents"])),
        ahead=await call.context.database.read(lambda tx: credit_ahead(tx, tenant, now_us=now_us)),
        without_supplier=_without_supplier(call),
        overlooked_s=await overlooked_s(call),
        review_number=await review_waiting(call),
    )


async def _unwell(call: RequestContext[Any, Any]) -> list[dict[str, Any]]:
    """Return the newest notice about each failing webhook."""
    found = await list_own(call, NOTICES, {"open": "true", "limit": PAGE_ITEMS_MAX})
    newest: dict[str, dict[str, Any]] = {}
    for one in found.items:
        newest.setdefault(one["endpoint_id"], one)
    return list(newest.values())


async def _has_keys(call: RequestContext[Any, Any]) -> bool:
    if "keys:write" not in call.principal.scopes:
        return True
    return bool((await list_own(call, LIST_KEYS, {"limit": 1})).items)


def _without_supplier(call: RequestContext[Any, Any]) -> list[str]:
    principal = call.principal
    if ADMIN not in principal.scopes:
        return []
    return call.context.suppliers.book.of(principal.environment).without_supplier()


class _Lately(NamedTuple):
    sent: Compared
    arrived: Compared
    failed: Compared
    balance: Chart
    topups: Chart
    deliveries: Chart

    @property
    def arrived_share(self) -> float | None:
        ended = self.arrived.now + self.failed.now
        return self.arrived.now / ended if ended else None


async def _lately(call: RequestContext[Any, Any], balance_micros: int) -> _Lately:
    tenant, now_us = call.principal.tenant, call.now_us
    done = await call.context.database.read(lambda tx: lately(tx, tenant, now_us=now_us))
    topups_before, topups = halves(done.topups)
    deliveries_before, deliveries = halves(done.deliveries)
    return _Lately(
        sent=compared(done.topups, lambda half, start: half.sum_of(start, "delivered")),
        arrived=compared(done.deliveries, lambda half, start: half.count(start, "delivered")),
        failed=compared(done.deliveries, lambda half, start: half.count(start, "failed")),
        balance=balance_line(phrase("Balance"), done.changes, now_micros=balance_micros),
        topups=bars(phrase("Top-ups"), topups, _TOPUP_SERIES, topups_before),
        deliveries=bars(phrase("Deliveries"), deliveries, _DELIVERIES, deliveries_before),
    )


ROUTES = (
    page_route("GET", "", show, "Overview", ACCOUNT_SCOPES),
    page_route("POST", "/fund", fund, "Add test credit", ("topup:send",)),
    page_route("POST", "/clock", move_clock, "Move the sandbox clock on", ("topup:send",)),
    page_route("POST", "/threshold", set_threshold, "Set when balance.low fires", ("topup:send",)),
)
