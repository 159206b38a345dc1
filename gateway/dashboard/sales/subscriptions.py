"""Show operators the subscriptions from all accounts."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.responses import Response

from billing.catalog import plan as plans
from billing.catalog.plan import Plan
from billing.documents.document import receipts_of
from billing.ledger.price import in_words
from billing.reports.subscription_acts import (
    CANCEL,
    CHANGE,
    CHANGE_ACTS,
    GRANT_PERIOD,
    LIST_SUBSCRIPTIONS,
    PAUSE,
    RESUME,
    REVOKE_PERIOD,
    SubscriptionsQuery,
)
from billing.reports.subscription_views import OperatorSubscription, SubscriptionOverview, overview
from billing.subscriptions.free_period import can_be_given, next_start
from billing.subscriptions.subscription import LIVING
from gateway.dashboard.act_pages import ActPages, act_form, run_typed
from gateway.dashboard.admin.fields import admin_route
from gateway.html.forms import NO_PROBLEM, Form, Problem, problem_of, read_form
from gateway.html.render import go, page
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply, Route
from kernel.clock import rfc3339
from kernel.errors import DomainError
from kernel.fields import Fields
from kernel.shaped import to_builtins
from keys.act import AnyChange
from keys.sandbox_clock import now_of as own_now
from store.database import Transaction

_PAGES: Final = ActPages(
    path="/subscriptions",
    title="Subscriptions",
    lead="Plans that accounts have or had.",
    empty="Nobody has a plan yet. Make one that people can take.",
    listed=LIST_SUBSCRIPTIONS,
    query=SubscriptionsQuery(),
    filters=("status", "account"),
    own_address="/dashboard/admin/subscriptions/",
    beside=(("/dashboard/admin/plans", "Plans"),),
)
_ACTS: Final[tuple[AnyChange, ...]] = (
    *CHANGE_ACTS,
    GRANT_PERIOD,
    REVOKE_PERIOD,
)


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    return await _page(call)


def _route(act: AnyChange) -> Route:
    async def send(call: RequestContext[Fields, Fields]) -> Reply:
        form = read_form(call)
        try:
            await run_typed(call, act, form)
        except DomainError as error:
            return await _page(call, act, form, problem_of(error))
        seen = await _seen(call)
        is_asked = seen.open_change is not None and act in CHANGE_ACTS
        return go(f"{_PAGES.address}/{seen.id}", said="plan-asked" if is_asked else act.name)

    return admin_route("POST", act.path, send, act.summary)


async def _page(
    call: RequestContext[Any, Any],
    sent: AnyChange | None = None,
    form: Form | None = None,
    problem: Problem = NO_PROBLEM,
) -> Response:
    seen, environment = await _seen(call), call.principal.environment
    one, steering = seen.subscription, call.context.payments.steering
    read = call.context.database.read
    sold = await read(lambda tx: plans.list_plans(tx, environment))
    now_us = await read(lambda tx: own_now(tx, one.tenant, now_us=call.now_us))
    receipts = await read(lambda tx: receipts_of(tx, (period.id for period in seen.periods)))
    view = to_builtins(OperatorSubscription.of(seen))
    words, choices = in_words(OperatorSubscription, view), _choices(seen, sold)
    return page(
        call,
        "admin/subscription.html",
        status=problem.status,
        subscription=one,
        shown=seen.shape(),
        periods=seen.periods[::-1],
        receipts=receipts,
        changes=seen.changes,
        mails=seen.mails,
        can_change=steering.can_change(one),
        is_orphan=steering.is_orphan(one),
        names={plan.id: plan.name for plan in sold},
        forms=[
            act_form(
                act,
                f"/dashboard/admin{act.path}".replace("{subscription_id}", one.id),
                words,
                (sent, form or Form({}), problem),
                choices,
            )
            for act in _ACTS
            if act is sent or _applies(act, seen, can_pause=steering.can_pause(one))
        ],
        period_start=rfc3339(next_start(one, now_us)) if can_be_given(one) else "",
    )


def _applies(act: AnyChange, seen: SubscriptionOverview, *, can_pause: bool) -> bool:
    one = seen.subscription
    goes_on = one.status == "active" and not one.is_ending
    fits = {
        CANCEL.name: one.status in LIVING,
        PAUSE.name: goes_on and can_pause,
        RESUME.name: one.status in LIVING and (one.status == "paused" or one.is_ending),
        CHANGE.name: goes_on,
        GRANT_PERIOD.name: can_be_given(one),
        REVOKE_PERIOD.name: bool(_choices(seen, ())["period_id"]),
    }
    return fits[act.name]


def _choices(seen: SubscriptionOverview, sold: Sequence[Plan]) -> Mapping[str, Mapping[str, str]]:
    given = [one for one in seen.periods if one.comp_reason is not None and not one.comp_ended_at]
    return {
        "plan_id": {plan.id: plan.name for plan in sold},
        "period_id": {one.id: f"from {rfc3339(one.period_start_at)[:10]}" for one in given},
    }


async def _seen(call: RequestContext[Any, Any]) -> SubscriptionOverview:
    environment, wanted_id = call.principal.environment, call.params["subscription_id"]

    async def work(tx: Transaction) -> SubscriptionOverview:
        return await overview(tx, wanted_id, environment=environment)

    return await call.context.database.read(work)


ROUTES = (
    *_PAGES.routes(*_ACTS),
    admin_route("GET", "/subscriptions/{subscription_id}", show, "One subscription"),
    *map(_route, _ACTS),
)
