"""Credit without a payment: codes and vouchers that a person types in, and the daily check-in."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response

from billing.credits.checkin import CheckIn, Checkin, last_of
from billing.credits.checkin_day import zone_of
from billing.credits.checkin_settings import CheckinSettings, read_settings
from billing.payments.sandbox import clock as sandbox_clock
from billing.reports import credit_history
from billing.reports.credit_history import CreditLine
from gateway.dashboard.route import page_route
from gateway.html.forms import NO_PROBLEM, Form, Problem, problem_of, read_form
from gateway.html.render import go, page
from gateway.http.fields import Fields
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from gateway.internal_client import ask
from kernel.errors import DomainError
from keys.account import get_account, set_time_zone
from store.database import Transaction

PATH: Final = "/dashboard/codes"
LINES_SHOWN: Final = 20
_READ: Final = ("billing:read",)
_WRITE: Final = ("billing:write",)
# Nobody shall know the award before it is given.
_pick: Final = random.SystemRandom().randint


@dataclass(frozen=True, slots=True)
class Standing:
    """What an account sees of check-ins. next_at is by our clock; null: now."""

    settings: CheckinSettings
    last: Checkin | None
    next_at: int | None
    time_zone: str


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    """Both forms, and what brought credit lately."""
    return await _codes_page(call, Form())


async def redeem(call: RequestContext[Fields, Fields]) -> Reply:
    """The code's credit, once."""
    form = read_form(call)
    try:
        done = await ask(call, "POST", "/codes/redeem", {"code": form.text("code")})
    except DomainError as error:
        return await _codes_page(call, form, problem_of(error))
    return await _codes_page(call, Form(), redeemed=done.data)


async def check_in(call: RequestContext[Fields, Fields]) -> Reply:
    """Today's credit."""
    read_form(call)
    try:
        await call.context.engine.submit(CheckIn(call.principal.scope, _pick))
    except DomainError as error:
        return await _codes_page(call, Form(), problem_of(error))
    return go(PATH, said="checked-in")


async def set_zone(call: RequestContext[Fields, Fields]) -> Reply:
    """Where the account's days begin."""
    form = read_form(call)
    account_id, time_zone = call.principal.account_id, form.text("time_zone")
    try:
        zone_of(time_zone)
    except DomainError as error:
        return await _codes_page(call, form, problem_of(error))
    await call.context.database.transaction(lambda tx: set_time_zone(tx, account_id, time_zone))
    return go(PATH, said="zone-set")


async def _codes_page(
    call: RequestContext[Any, Any],
    form: Form,
    problem: Problem = NO_PROBLEM,
    *,
    redeemed: dict[str, Any] | None = None,
) -> Response:
    scope, now_us = call.principal.scope, call.now_us

    async def work(tx: Transaction) -> tuple[Standing, Sequence[CreditLine]]:
        lines, _ = await credit_history.page(tx, scope, offset=0, limit=LINES_SHOWN)
        settings = (await read_settings(tx, [scope[1]]))[scope[1]]
        last = await last_of(tx, scope)
        ahead_us = await sandbox_clock.now_of(tx, scope, now_us=now_us) - now_us
        next_at = None if last is None else last.next_at - ahead_us
        is_due = next_at is None or next_at <= now_us
        zone = (await get_account(tx, scope[0])).time_zone
        return Standing(settings, last, None if is_due else next_at, zone), lines

    standing, lines = await call.context.database.read(work)
    return page(
        call,
        "codes.html",
        status=problem.status,
        form=form,
        problem=problem,
        standing=standing,
        lines=lines,
        redeemed=redeemed,
    )


ROUTES = (
    page_route("GET", "/codes", show, "Codes and check-in", _READ),
    page_route("POST", "/codes", redeem, "Redeem a code", _WRITE),
    page_route("POST", "/codes/checkin", check_in, "Check in", _WRITE),
    page_route("POST", "/codes/zone", set_zone, "Set the time zone", _WRITE),
)
