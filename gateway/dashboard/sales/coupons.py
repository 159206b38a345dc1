"""Coupons: what lowers an order's price in this environment; made and disabled here."""

from collections.abc import Sequence
from typing import Any, Final

from starlette.responses import Response

from billing.catalog import commands as catalogue, coupon as coupons
from billing.catalog.coupon import Coupon, new_coupon
from gateway.dashboard.admin.fields import admin_route, commit, day_us, money
from gateway.dashboard.paging import ASKED, paged
from gateway.html.forms import NO_PROBLEM, Form, Problem, problem_of, read_form, read_query
from gateway.html.render import go, page
from gateway.http.fields import Fields, cursor_id
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError, InvalidInput
from store.database import Transaction

PATH: Final = "/dashboard/admin/coupons"


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    """Newest first, and a form for another."""
    return await _coupons_page(call, Form({"currency": ["USD"]}))


async def create(call: RequestContext[Fields, Fields]) -> Reply:
    """A coupon that can be used at once."""
    form = read_form(call)
    try:
        new = _new(call, form)
        await commit(
            call, lambda tx, by, now_us: catalogue.create_coupon(tx, new, by=by, now_us=now_us)
        )
    except DomainError as error:
        return await _coupons_page(call, form, problem_of(error))
    return go(PATH, said="coupon-made")


async def set_active(call: RequestContext[Fields, Fields]) -> Reply:
    """Lets it be used, or no longer."""
    is_active = read_form(call).text("active") == "yes"
    environment, code = call.principal.environment, call.params["coupon_code"]
    await commit(
        call,
        lambda tx, by, now_us: catalogue.set_coupon_active(
            tx, environment, code, is_active=is_active, by=by, now_us=now_us
        ),
    )
    return go(PATH, said="coupon-enabled" if is_active else "coupon-disabled")


def _new(call: RequestContext[Any, Any], form: Form) -> Coupon:
    """What was typed; raises InvalidInput."""
    currency = form.text("currency")
    amount_off, minimum = money(form, "amount_off", currency), money(form, "minimum", currency)
    percent = form.integer("percent")
    if percent is None and amount_off is None:
        raise InvalidInput("give a percentage or an amount", param="percent")
    unit = next((price.currency for price in (amount_off, minimum) if price is not None), None)
    expires_at = day_us(form, "expires_on")
    if expires_at is not None and expires_at <= call.now_us:
        raise InvalidInput("the coupon would have expired already", param="expires_on")
    return new_coupon(
        call.principal.environment,
        form.text("code"),
        now_us=call.now_us,
        percent=percent,
        amount_off=None if amount_off is None else amount_off.amount,
        minimum_amount=None if minimum is None else minimum.amount,
        currency=unit,
        uses_max=form.integer("uses_max"),
        uses_per_account=form.integer("uses_per_account"),
        expires_at=expires_at,
    )


async def _coupons_page(
    call: RequestContext[Any, Any], form: Form, problem: Problem = NO_PROBLEM
) -> Response:
    environment = call.principal.environment
    before_id = cursor_id(read_query(call).text("cursor") or None, "cpn")

    async def work(tx: Transaction) -> Sequence[Coupon]:
        return await coupons.list_coupons(tx, environment, before_id=before_id, limit=ASKED)

    found = await call.context.database.read(work)
    return page(
        call,
        "admin/coupons.html",
        status=problem.status,
        listing=paged(call, found, lambda coupon: str(coupon.id)),
        form=form,
        problem=problem,
    )


ROUTES = (
    admin_route("GET", "/coupons", show, "Coupons"),
    admin_route("POST", "/coupons", create, "Make a coupon"),
    admin_route("POST", "/coupons/{coupon_code}/active", set_active, "Enable, disable"),
)
