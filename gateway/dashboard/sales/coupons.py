"""Coupons: what lowers an order's price in this environment; made and disabled here."""

from collections.abc import Sequence
from typing import Any, Final

from billing.catalog import commands as catalogue, coupon as coupons
from billing.catalog.coupon import Coupon, new_coupon
from gateway.dashboard.admin.fields import admin_route, day_us, money
from gateway.dashboard.sales.offers import Change, OfferPages
from gateway.dashboard.sheet import Sheet, list_page
from gateway.html.forms import NO_PROBLEM, Form, Problem
from gateway.http.fields import cursor_id
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import InvalidInput
from kernel.fields import Fields
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
) -> Reply:
    environment = call.principal.environment

    async def read(tx: Transaction, cursor: str | None, limit: int) -> Sequence[Coupon]:
        before_id = cursor_id(cursor, "cpn")
        return await coupons.list_coupons(tx, environment, before_id=before_id, limit=limit)

    return await list_page(
        call,
        "admin/coupons.html",
        _SHEET,
        read,
        status=problem.status,
        form=form,
        problem=problem,
    )


_SHEET: Final = Sheet[Coupon](
    "coupons",
    (
        *("id", "code", "kind", "percent", "amount_off", "currency", "minimum_amount", "uses_max"),
        *("uses_per_account", "used_count", "is_active", "expires_at", "created_at"),
    ),
)
_PAGES: Final = OfferPages(PATH, "coupon", _coupons_page, _make, _switch)
ROUTES = (
    admin_route("GET", "/coupons", show, "Coupons"),
    admin_route("POST", "/coupons", _PAGES.create, "Make a coupon"),
    admin_route("POST", "/coupons/{coupon_code}/active", _PAGES.set_active, "Enable, disable"),
)
