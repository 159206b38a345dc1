"""Billing API: imitate a vendor's API for credits, plans, check-ins and their administration (contract 5.3).

Every error is {"success": false, "error": {"code", "message"}}. The code is a word. Amounts are in credits. A
dollar is 1,000 credits.
"""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

from msgspec.structs import asdict

from billing.catalog import coupon as coupons, coupon_acts, plan as plans, plan_acts
from billing.catalog.plan import Plan, PlanItem
from billing.catalog.plan_acts import OfferedPlan
from billing.catalog.product_fields import ProductFields
from billing.credits import checkin
from billing.credits.adjustment import Adjusted, new_adjustment
from billing.credits.checkin import CheckedIn, CheckIn, CheckinSettings
from billing.ledger.balances import balance_micros
from billing.ledger.money import MICROS_PER_CREDIT
from billing.orders import records as order_list
from billing.orders.order import Order as StoredOrder
from billing.orders.place import NewOrder
from billing.orders.records import OrderFilter
from billing.orders.views import Order
from billing.payments.order_acts import LEASE_S
from billing.reports import balance_transactions
from billing.reports.balance_transactions import BalanceTransaction, Wanted
from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer, plain_answer
from gateway.answers.outcome import Outcome
from gateway.answers.refusals import Refusal, renamed_fields
from gateway.dialects.billing_api import schemas as shapes
from gateway.http.acts import Door
from gateway.http.fields import EnvironmentMismatch, cursor_id
from gateway.http.idempotency import run_once, run_steps
from gateway.http.pipeline import environment_of
from gateway.http.request_context import RequestContext
from gateway.http.routing import ApiSurface, Handler, Route
from kernel.errors import InvalidInput, NotFound
from kernel.fields import Fields, LooseFields, time_us
from kernel.tenant import Tenant
from keys.account import read_tenants
from keys.act import Act, ActContext, Change
from keys.audit_log import Actor
from keys.principal import ADMIN
from runtime.acts import run_act
from store.database import Transaction


async def transactions(call: RequestContext[Fields, shapes.PageQuery]) -> Answer:
    tenant, query = call.principal.tenant, call.query
    before_id = query.before_id("trf")

    async def work(tx: Transaction) -> tuple[Sequence[BalanceTransaction], str | None]:
        if before_id is None:
            return await balance_transactions.page(
                tx, tenant, offset=query.offset, limit=query.limit
            )
        own = Wanted(tenant.environment, account_id=tenant.account_id)
        return await balance_transactions.page_of_all(
            tx, own, before_id=before_id, limit=query.limit
        )

    found, more = await call.context.database.read(work)
    lines = [shapes.Transaction.of(one) for one in found]
    return plain_answer(shapes.Page(success=True, data=lines, next_cursor=more))


async def orders(call: RequestContext[Fields, shapes.OrdersQuery]) -> Answer:
    tenant, query = call.principal.tenant, call.query
    before_id, wanted = query.before_id("ord"), OrderFilter(status=query.status)

    async def work(tx: Transaction) -> Sequence[StoredOrder]:
        if before_id is not None:
            return await order_list.page(
                tx, tenant, wanted, before_id=before_id, limit=query.limit + 1
            )
        found, _ = await order_list.numbered_page(
            tx, tenant, wanted, offset=query.offset, limit=query.limit + 1
        )
        return found

    found = await call.context.database.read(work)
    links = call.context.payments.links
    shown = [Order.of(one, links) for one in found[: query.limit]]
    more = shown[-1].id if len(found) > query.limit else None
    return plain_answer(shapes.Page(success=True, data=shown, next_cursor=more))


async def order(call: RequestContext[Fields, Fields]) -> Answer:
    tenant, order_id = call.principal.tenant, call.params["order_id"]
    found = await call.context.database.read(lambda tx: order_list.get(tx, tenant, order_id))
    shown = Order.of(found, call.context.payments.links)
    return plain_answer(shapes.Said(success=True, data=shown))


READ: Final = ("billing:read",)
WRITE: Final = ("billing:write",)
_pick = secrets.SystemRandom().randint


async def balance(call: RequestContext[Fields, Fields]) -> Answer:
    tenant, now_us = call.principal.tenant, call.now_us
    held = await call.context.database.read(lambda tx: balance_micros(tx, tenant, now_us=now_us))
    return _said(shapes.Balance(balance=held // MICROS_PER_CREDIT))


async def list_plans(call: RequestContext[Fields, shapes.PlansQuery]) -> Answer:
    wanted = call.query.environment or await environment_of(call)

    async def work(tx: Transaction) -> Sequence[Plan]:
        for environment in (wanted,) if wanted else ("live", "staging"):
            found = await plans.list_plans(tx, environment)
            if found:
                return found
        return []

    return _said([shapes.Plan.of(one) for one in await call.context.database.read(work)])


async def check_in(call: RequestContext[LooseFields, Fields]) -> Answer:
    command = CheckIn(call.principal.tenant, _pick)
    return await call.context.engine.submit_once(command, call.request_key, _checked_in)


async def create_session(call: RequestContext[shapes.SessionBody, Fields]) -> Answer:
    """Create the order and open its checkout. A repeated Idempotency-Key continues an interrupted request."""
    context, principal, body = call.context, call.principal, call.body
    offered = context.payments.providers.offered(principal.environment)
    if body.channel not in offered:
        problem = f"is one of {', '.join(offered)}" if offered else "nothing can be paid here yet"
        raise InvalidInput(problem, param="channel")
    item = await _plan_item(call) if body.type == "subscription" else None
    new = NewOrder(
        provider=body.channel,
        kind="payment" if item is None else "subscription",
        plan=item,
        pack_id=None if item else body.pack_id,
        amount_cents=None if item else body.amount_cents,
        coupon=body.coupon_named,
        success_url=body.success_url,
        cancel_url=body.cancel_url,
        created_by=principal.credential_id,
        request_digest=call.request_digest,
    )

    async def steps() -> Answer:
        with renamed_fields(provider="channel"):
            placed = await context.payments.place(principal.tenant, new)
        url = placed.url or context.payments.links.status_url(placed.id)
        return _said(shapes.Session(url=url, session_id=placed.provider_ref, order_id=placed.id))

    return await run_steps(context, principal, call.request_key, steps, lease_s=LEASE_S)


async def portal(call: RequestContext[shapes.PortalBody, Fields]) -> Answer:
    url = await call.context.payments.portal(call.principal.tenant, call.body.return_url)
    return _said(shapes.Portal(url=url))


async def all_plans(call: RequestContext[Fields, Fields]) -> Answer:
    environment = call.principal.environment
    found = await call.context.database.read(
        lambda tx: plans.list_plans(tx, environment, with_inactive=True)
    )
    return _said([shapes.Plan.of(one) for one in found])


async def create_plan(call: RequestContext[shapes.PlanBody, Fields]) -> Answer:
    return await _change_plan(call, _CREATE_PLAN, http_status=201)


async def change_plan(call: RequestContext[shapes.PlanChanges, Fields]) -> Answer:
    return await _change_plan(call, _SET_PLAN)


async def _change_plan(
    call: RequestContext[Any, Fields], act: Act[Any, Any], http_status: int = 200
) -> Answer:
    door, body = Door(act, call, is_operator=True), call.body

    async def work(tx: Transaction) -> Change[OfferedPlan]:
        return await run_act(act, await door.context(tx), body)

    def render(change: Change[OfferedPlan]) -> Answer:
        return _said(shapes.Plan.of(change.after.plan), http_status=http_status)

    return await run_once(call, work, render)


async def _make_plan(context: ActContext, asked: shapes.PlanBody) -> Change[OfferedPlan]:
    fields = context.service(ProductFields)
    plan = asked.plan(context.environment, context.now_us)
    return Change(after=OfferedPlan(await plans.create(context.tx, plan, fields), fields))


async def _set_plan(context: ActContext, asked: shapes.PlanChanges) -> Change[OfferedPlan]:
    return await plan_acts.change_plan(context, asked.changes())


_CREATED_PLAN: Final[Act[Any, Any]] = plan_acts.CREATE_PLAN
_CREATE_PLAN: Final = replace(_CREATED_PLAN, input=shapes.PlanBody, run=_make_plan)
_SET_TERMS: Final[Act[Any, Any]] = plan_acts.SET_PLAN
_SET_PLAN: Final = replace(_SET_TERMS, input=shapes.PlanChanges, run=_set_plan)


async def list_coupons(call: RequestContext[Fields, shapes.CouponsQuery]) -> Answer:
    environment, query = call.principal.environment, call.query
    before_id = cursor_id(query.cursor, "cpn")
    found = await call.context.database.read(
        lambda tx: coupons.list_coupons(tx, environment, before_id=before_id, limit=query.limit + 1)
    )
    shown = found[: query.limit]
    more = shown[-1].id if len(found) > query.limit else None
    return plain_answer(
        shapes.Page(
            success=True, data=[coupon_acts.view_of(one) for one in shown], next_cursor=more
        )
    )


async def create_coupon(call: RequestContext[shapes.CouponBody, Fields]) -> Answer:
    door, body = Door(_CREATE_COUPON, call, is_operator=True), call.body

    async def work(tx: Transaction) -> Change[coupons.Coupon]:
        return await run_act(_CREATE_COUPON, await door.context(tx), body)

    def render(change: Change[coupons.Coupon]) -> Answer:
        return _said(coupon_acts.view_of(change.after), http_status=201)

    return await run_once(call, work, render)


async def _make_coupon(context: ActContext, asked: shapes.CouponBody) -> Change[coupons.Coupon]:
    values = asdict(asked) | {"expires_at": time_us(asked.expires_at, "expires_at")}
    made = coupons.new_coupon(context.tenant.environment, now_us=context.now_us, **values)
    return Change(after=await coupons.create(context.tx, made))


_CREATED: Final[Act[Any, Any]] = coupon_acts.CREATE_COUPON
_CREATE_COUPON: Final = replace(_CREATED, input=shapes.CouponBody, run=_make_coupon)


async def all_transactions(call: RequestContext[Fields, shapes.AdminQuery]) -> Answer:
    query = call.query
    wanted = Wanted(
        call.principal.environment,
        account_id=query.account_id,
        type=query.type,
        created_after=time_us(query.created_after, "created_after"),
        created_before=time_us(query.created_before, "created_before"),
    )
    before_id = cursor_id(query.cursor, "trf")
    found, more = await call.context.database.read(
        lambda tx: balance_transactions.page_of_all(
            tx, wanted, before_id=before_id, limit=query.limit
        )
    )
    lines = [shapes.AccountTransaction.of(one) for one in found]
    return plain_answer(shapes.Page(success=True, data=lines, next_cursor=more))


async def adjust(call: RequestContext[shapes.ManualBody, Fields]) -> Answer:
    body, principal = call.body, call.principal
    if body.environment not in {None, principal.environment}:
        raise EnvironmentMismatch(
            f"The credential is for {principal.environment}. Use a credential of the other environment.",
            param="environment",
            reason="environment",
        )
    tenant = Tenant(body.account_id, principal.environment)
    standings = await call.context.database.read(lambda tx: read_tenants(tx, [tenant]))
    if tenant not in standings.event_numbers:
        raise NotFound("Account", param="account_id")
    command = new_adjustment(
        tenant,
        body.amount,
        body.reason,
        actor=Actor.of(principal),
        is_promotional=body.promotional,
        expires_at=time_us(body.expires_at, "expires_at"),
    )
    return await call.context.engine.submit_once(command, call.request_key, _adjusted)


async def show_config(call: RequestContext[Fields, Fields]) -> Answer:
    door = Door(checkin.SHOW_CHECKIN, call, is_operator=True)

    async def work(tx: Transaction) -> CheckinSettings:
        return await checkin.settings(await door.context(tx))

    return _said(shapes.Config.of(await call.context.database.read(work)))


async def change_config(call: RequestContext[shapes.ConfigBody, Fields]) -> Answer:
    door, body = Door(_SET_CHECKIN, call, is_operator=True), call.body

    async def work(tx: Transaction) -> Change[CheckinSettings]:
        return await run_act(_SET_CHECKIN, await door.context(tx), body)

    return await run_once(call, work, lambda change: _said(shapes.Config.of(change.after)))


async def _change_config(context: ActContext, asked: shapes.ConfigBody) -> Change[CheckinSettings]:
    with renamed_fields(**asked.names()):
        return await checkin.change(context, asked.changes())


_SET: Final[Act[Any, Any]] = checkin.SET_CHECKIN
_SET_CHECKIN: Final = replace(_SET, input=shapes.ConfigBody, run=_change_config)


def refuse(refusal: Refusal, _now_us: int) -> Answer:
    body = shapes.Refused(success=False, error=shapes.Problem.of(refusal))
    return plain_answer(body, http_status=refusal.http_status)


def _checked_in(done: CheckedIn) -> Answer:
    return _said(shapes.CheckedIn.of(done))


def _adjusted(done: Adjusted) -> Answer:
    return _said(shapes.Adjustment.of(done))


def _said(data: Any, *, http_status: int = 200) -> Answer:
    return plain_answer(shapes.Said(success=True, data=data), http_status=http_status)


async def _plan_item(call: RequestContext[shapes.SessionBody, Fields]) -> PlanItem:
    body, environment = call.body, call.principal.environment
    if body.plan_id is None:
        raise InvalidInput("`plan_id` is required for a subscription.", param="plan_id")
    place = (environment, body.plan_id)
    found = await call.context.database.read(lambda tx: plans.get_sold(tx, place))
    providers = call.context.payments.providers
    is_simulated = providers.is_simulated(body.channel, environment)
    sold_by = providers.registration(body.channel)
    return plans.item_of(found, sold_by, body.interval, is_simulated=is_simulated)


def _row(
    method: str,
    path: str,
    handler: Handler,
    summary: str,
    data: Any,
    *refuses: int,
    status: int = 200,
    **fields: Any,
) -> Route:
    own = READ if method == "GET" else WRITE
    fields.setdefault("scopes", (ADMIN,) if path.startswith("/admin/") else own)
    answers = (Outcome(status, data),)
    return Route(method, path, handler, summary, answers=answers, refuses=refuses, **fields)


_get, _post, _put = (partial(_row, method) for method in ("GET", "POST", "PUT"))
_Said, _Page, _Query = shapes.Said, shapes.Page, shapes.PageQuery
_Lines, _Orders = _Page[shapes.Transaction], _Page[Order]
_Plan, _Plans = _Said[shapes.Plan], _Said[list[shapes.Plan]]
_Coupon, _Config = _Said[coupon_acts.Coupon], _Said[shapes.Config]
_SALE = (
    *(codes.NOT_FOUND, codes.NOT_REDEEMABLE, codes.ALREADY_SETTLED, codes.AMOUNT_OUT_OF_RANGE),
    codes.LIMIT_REACHED,
)
_AWAY = codes.PROVIDER_UNAVAILABLE
PLANS, COUPONS, CHECKIN = "/admin/billing/plans", "/admin/billing/coupons", "/admin/checkin/config"
OPEN: Final[dict[str, Any]] = {"scopes": (), "is_public": True, "query": shapes.PlansQuery}
MANUAL: Final = (codes.INSUFFICIENT_BALANCE, codes.AMOUNT_OUT_OF_RANGE, codes.NOT_FOUND)
SURFACE = ApiSurface(
    "",
    (
        _get("/credits/balance", balance, "Show the balance in credits", _Said[shapes.Balance]),
        _get(
            "/credits/transactions",
            transactions,
            "List changes of the balance",
            _Lines,
            query=_Query,
        ),
        _get(
            "/orders",
            orders,
            "List orders, newest first",
            _Orders,
            query=shapes.OrdersQuery,
        ),
        _get("/orders/{order_id}", order, "Show an order", _Said[Order]),
        _get("/subscription/plans", list_plans, "List plans", _Plans, **OPEN),
        _post(
            "/checkin",
            check_in,
            "Claim today's free credit",
            _Said[shapes.CheckedIn],
            codes.ALREADY_SETTLED,
            body=shapes.NoBody,
        ),
        _post(
            "/payment/create-session",
            create_session,
            "Pay for a plan, a pack or an amount",
            _Said[shapes.Session],
            *_SALE,
            _AWAY,
            body=shapes.SessionBody,
        ),
        _post(
            "/subscription/portal",
            portal,
            "Get the page that manages the plan",
            _Said[shapes.Portal],
            codes.NOT_FOUND,
            _AWAY,
            body=shapes.PortalBody,
        ),
        _get(PLANS, all_plans, "List all plans", _Plans),
        _post(PLANS, create_plan, "Create a plan", _Plan, status=201, body=shapes.PlanBody),
        _put(PLANS + "/{plan_id}", change_plan, "Change a plan", _Plan, body=shapes.PlanChanges),
        _get(
            COUPONS,
            list_coupons,
            "List coupons",
            _Page[coupon_acts.Coupon],
            query=shapes.CouponsQuery,
        ),
        _post(
            COUPONS, create_coupon, "Create a coupon", _Coupon, status=201, body=shapes.CouponBody
        ),
        _get(
            "/admin/credits/transactions",
            all_transactions,
            "List changes of all balances, newest first",
            _Page[shapes.AccountTransaction],
            query=shapes.AdminQuery,
        ),
        _post(
            "/admin/credits/manual",
            adjust,
            "Add or remove credit",
            _Said[shapes.Adjustment],
            *MANUAL,
            body=shapes.ManualBody,
        ),
        _get(CHECKIN, show_config, "Show what check-ins award", _Config),
        _put(
            CHECKIN, change_config, "Change what check-ins award", _Config, body=shapes.ConfigBody
        ),
    ),
    refuse,
    shapes.Refused,
)
