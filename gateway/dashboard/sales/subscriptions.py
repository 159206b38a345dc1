"""Subscriptions of every account, and one with its payments, requested changes, and possible actions."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.responses import Response

from billing.catalog import plan as plans
from billing.catalog.plan import MONTHS
from billing.documents.document import receipts_of
from billing.payments.steering import SubscriptionChangeRequest
from billing.providers.abilities.steering import Act
from billing.reports.subscription_overview import SubscriptionOverview, overview
from billing.subscriptions import records as subscription_rows
from billing.subscriptions.manual.complimentary_period import can_be_given, next_start
from billing.subscriptions.steer_rows import REASON_CHARACTERS_MAX
from billing.subscriptions.subscription import MOVES, Subscription, add_months
from gateway.dashboard.admin.fields import admin_route
from gateway.dashboard.sheet import Sheet, list_page
from gateway.html.forms import NO_PROBLEM, Form, Problem, problem_of, read_form, read_query
from gateway.html.render import go, page
from gateway.http.fields import cursor_id
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError, InvalidInput
from kernel.fields import Fields, time_us
from kernel.ids import new_id
from keys.audit_log import Actor
from keys.sandbox_clock import now_of as own_now
from store.database import Transaction

PATH: Final = "/dashboard/admin/subscriptions"
_SHEET: Final = Sheet[Subscription](
    "subscriptions",
    (
        *("id", "account_id", "order_id", "provider", "status", "plan_id", "plan_name", "interval"),
        *("amount", "currency", "credits_micros", "trial_days", "trial_ends_at", "is_ending"),
        *("next_plan_id", "next_interval", "paid_until_at", "created_at", "ended_at"),
        *("paused_at", "resumes_at"),
    ),
    filters=("status", "account_id"),
)
# The page's sentence afterwards, by the form's act.
_SAID: Final[Mapping[Act, str]] = {
    "cancel": "plan-ending",
    "cancel_now": "plan-ended",
    "pause": "plan-paused",
    "resume": "plan-resumed",
    "change": "plan-changed",
}


async def show_list(call: RequestContext[Fields, Fields]) -> Reply:
    environment, asked = call.principal.environment, read_query(call)

    async def read(tx: Transaction, cursor: str | None, limit: int) -> Sequence[Subscription]:
        return await subscription_rows.page_of_all(
            tx,
            environment,
            status=asked.text("status") or None,
            account_id=asked.text("account_id") or None,
            before_id=cursor_id(cursor, "sub"),
            limit=limit,
        )

    return await list_page(call, "admin/subscriptions.html", _SHEET, read, statuses=tuple(MOVES))


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    return await subscription_page(call, Form())


async def steer(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    seen = await _seen(call)
    try:
        wish = _wish(call, form)
        await call.context.payments.steering.steer(seen.subscription.tenant, seen.id, wish)
    except DomainError as error:
        return await subscription_page(call, form, problem_of(error))
    after = await _seen(call)
    said = "plan-asked" if after.open_steer is not None else _SAID[wish.act]
    return go(f"{PATH}/{seen.id}", said=said)


def _wish(call: RequestContext[Any, Any], form: Form) -> SubscriptionChangeRequest:
    """Raise InvalidInput."""
    act: Act | None = next((one for one in _SAID if one == form.text("act")), None)
    if act is None:
        raise InvalidInput("press one of the page's buttons", param="act")
    plan_id, _, wanted = form.text("plan").partition("/")
    return SubscriptionChangeRequest(
        act,
        call.principal.credential_id,
        plan_id or None,
        next((interval for interval in MONTHS if interval == wanted), None),
        by=Actor.of(call.principal),
        why=form.text("reason")[:REASON_CHARACTERS_MAX] or None,
        is_local=form.text("here") == "yes" and act in {"cancel", "cancel_now", "resume"},
        resumes_at=_resumes_at(form) if act == "pause" else None,
    )


def _resumes_at(form: Form) -> int | None:
    """Return the start of the form's day, in microseconds, or None."""
    day = form.text("resumes_at")
    return time_us(f"{day}T00:00:00Z", "resumes_at") if day else None


async def subscription_page(
    call: RequestContext[Any, Any], form: Form, problem: Problem = NO_PROBLEM
) -> Response:
    seen = await _seen(call)
    environment = call.principal.environment
    sold = await call.context.database.read(lambda tx: plans.list_plans(tx, environment))
    receipts = await call.context.database.read(
        lambda tx: receipts_of(tx, (one.id for one in seen.periods))
    )
    steering = call.context.payments.steering
    return page(
        call,
        "admin/subscription.html",
        status=problem.status,
        form=form,
        problem=problem,
        subscription=seen.subscription,
        shown=seen.shape(),
        periods=seen.periods[::-1],
        receipts=receipts,
        steers=seen.steers,
        mails=seen.mails,
        can_steer=steering.can_steer(seen.subscription),
        can_pause=steering.can_pause(seen.subscription),
        is_orphan=steering.is_orphan(seen.subscription),
        names={plan.id: plan.name for plan in sold},
        choices=[
            (f"{plan.id}/{interval}", f"{plan.name}, by the {interval}")
            for plan in sold
            for interval in MONTHS
            if interval == "month" or plan.price_yearly is not None
        ],
        form_key=new_id("frm"),
        free=await _free(call, seen.subscription),
    )


async def _free(call: RequestContext[Any, Any], one: Subscription) -> tuple[int, int] | None:
    """Return the period that would be given free now."""
    if not can_be_given(one):
        return None
    now_us = await call.context.database.read(
        lambda tx: own_now(tx, one.tenant, now_us=call.now_us)
    )
    start_at = next_start(one, now_us)
    return start_at, add_months(start_at, MONTHS[one.interval])


async def _seen(call: RequestContext[Any, Any]) -> SubscriptionOverview:
    """Raise NotFound, also for one of the other environment."""
    environment, wanted_id = call.principal.environment, call.params["subscription_id"]

    async def work(tx: Transaction) -> SubscriptionOverview:
        return await overview(tx, wanted_id, environment=environment)

    return await call.context.database.read(work)


ROUTES = (
    admin_route("GET", "/subscriptions", show_list, "Everybody's subscriptions"),
    admin_route("GET", "/subscriptions/{subscription_id}", show, "One subscription"),
    admin_route("POST", "/subscriptions/{subscription_id}", steer, "End or change a subscription"),
)
