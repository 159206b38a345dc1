"""Coupons: what lowers an order's price in this environment; made and disabled here."""

from collections.abc import Sequence
from typing import Any, Final

from starlette.responses import Response

from billing.catalog import commands as catalogue, coupon as coupons
from billing.catalog.coupon import Coupon, new_coupon
from gateway.dashboard.admin.fields import admin_route, day_us, money
from gateway.dashboard.paging import ASKED, paged
from gateway.dashboard.sales.offers import Change, OfferPages
from gateway.html.forms import NO_PROBLEM, Form, Problem, read_query
from gateway.html.render import page
from gateway.http.fields import Fields, cursor_id
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import InvalidInput
from store.database import Transaction

PATH: Final = "/dashboard/admin/coupons"


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    """Newest first, and a form for another."""
    return await _coupons_page(call, Form({"currency": ["USD"]}))


def _make(call: RequestContext[Any, Any], form: Form) -> Change:
    """A coupon that can be used at once."""
    new = _new(call, form)
    return lambda tx, by, now_us: catalogue.create_coupon(tx, new, by=by, now_us=now_us)


def _switch(call: RequestContext[Any, Any], is_active: bool) -> Change:  # noqa: FBT001
    environment, code = call.principal.environment, call.params["coupon_code"]
    return lambda tx, by, now_us: catalogue.set_coupon_active(
        tx, environment, code, is_active=is_active, by=by, now_us=now_us
    )


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


_PAGES: Final = OfferPages(PATH, "coupon", _coupons_page, _make, _switch)
ROUTES = (
    admin_route("GET", "/coupons", show, "Coupons"),
    admin_route("POST", "/coupons", _PAGES.create, "Make a coupon"),
    admin_route("POST", "/coupons/{coupon_code}/active", _PAGES.set_active, "Enable, disable"),
)
