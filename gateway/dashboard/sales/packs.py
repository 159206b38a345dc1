"""Packs: what credit is sold as in this environment; made here, offered or not."""

from typing import Any, Final

from starlette.responses import Response

from billing.catalog import commands as catalogue, pack as packs
from billing.catalog.pack import Pack
from gateway.dashboard.admin.fields import admin_route, money, number
from gateway.dashboard.sales.offers import Change, OfferPages
from gateway.html.forms import NO_PROBLEM, Form, Problem
from gateway.html.render import page
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import InvalidInput
from kernel.fields import Fields
from store.database import Transaction

PATH: Final = "/dashboard/admin/packs"


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    """The catalogue in its order, and a form for another."""
    return await _packs_page(call, Form({"currency": ["USD"]}))


def _make(call: RequestContext[Any, Any], form: Form) -> Change:
    """Adds a pack to the catalogue."""
    new = _new(call, form)
    return lambda tx, by, now_us: catalogue.create_pack(tx, new, by=by, now_us=now_us)


def _switch(call: RequestContext[Any, Any], is_active: bool) -> Change:  # noqa: FBT001
    place = (call.principal.environment, call.params["pack_id"])
    return lambda tx, by, now_us: catalogue.set_pack_active(
        tx, place, is_active=is_active, by=by, now_us=now_us
    )


def _new(call: RequestContext[Any, Any], form: Form) -> Pack:
    """What was typed; raises InvalidInput."""
    price = money(form, "price", form.text("currency"))
    if price is None:
        raise InvalidInput("is required", param="price")
    return Pack(
        environment=call.principal.environment,
        id=form.text("id"),
        name=form.text("name"),
        amount=price.amount,
        currency=price.currency,
        credits=number(form, "credits"),
        bonus_credits=number(form, "bonus_credits", 0),
        is_popular=form.text("popular") == "yes",
        created_at=call.now_us,
    )


async def _packs_page(
    call: RequestContext[Any, Any], form: Form, problem: Problem = NO_PROBLEM
) -> Response:
    environment = call.principal.environment

    async def work(tx: Transaction) -> list[Pack]:
        return list(await packs.list_packs(tx, environment, with_inactive=True))

    found = await call.context.database.read(work)
    return page(
        call,
        "admin/packs.html",
        status=problem.status,
        packs=found,
        form=form,
        problem=problem,
    )


_PAGES: Final = OfferPages(PATH, "pack", _packs_page, _make, _switch)
ROUTES = (
    admin_route("GET", "/packs", show, "Packs"),
    admin_route("POST", "/packs", _PAGES.create, "Make a pack"),
    admin_route("POST", "/packs/{pack_id}/active", _PAGES.set_active, "Offer a pack, or no longer"),
)
