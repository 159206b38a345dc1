"""Prices of tokens: the list that counts now, a form for one and a file for many, and each change."""

from typing import Any, Final

from starlette.responses import Response

from billing.usage import price_commands
from billing.usage.price_commands import NewPrice
from billing.usage.price_file import dollars_micros, read_prices
from billing.usage.price_list import ModelPrice, PriceList
from billing.usage.price_rows import history, read_list
from gateway.dashboard.admin.fields import admin_route, commit
from gateway.dashboard.paging import ASKED, paged
from gateway.html.forms import NO_PROBLEM, Form, Problem, problem_of, read_form, read_query
from gateway.html.render import go, page
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError, InvalidInput
from kernel.fields import Fields
from store.database import Transaction

PATH: Final = "/dashboard/admin/prices"


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    """The list, the forms, and the latest changes."""
    return await _prices_page(call, Form())


async def set_one(call: RequestContext[Fields, Fields]) -> Reply:
    """Sets one model's price from now on."""
    form = read_form(call)
    try:
        cached = form.text("cached")
        new = NewPrice(
            model=form.text("model"),
            input_micros=dollars_micros(form.text("input"), "input"),
            output_micros=dollars_micros(form.text("output"), "output"),
            cached_micros=dollars_micros(cached, "cached") if cached else None,
        )
        await _set(call, [new])
    except DomainError as error:
        return await _prices_page(call, form, problem_of(error))
    return go(PATH, said="price-set")


async def set_many(call: RequestContext[Fields, Fields]) -> Reply:
    """Sets all prices of a file, as one version."""
    form = read_form(call)
    try:
        await _set(call, read_prices(form.raw("file")), is_whole=form.text("whole") == "yes")
    except DomainError as error:
        return await _prices_page(call, form, problem_of(error))
    return go(PATH, said="price-set")


async def withdraw(call: RequestContext[Fields, Fields]) -> Reply:
    """Takes a model's own price off the list."""
    model = read_form(call).text("model")
    environment = call.principal.environment
    await commit(
        call,
        lambda tx, by, now_us: price_commands.withdraw_price(
            tx, environment, model, by=by, now_us=now_us
        ),
    )
    return go(PATH, said="price-withdrawn")


async def _set(call: RequestContext[Any, Any], new: Any, *, is_whole: bool = False) -> None:
    environment = call.principal.environment
    await commit(
        call,
        lambda tx, by, now_us: price_commands.set_prices(
            tx, environment, new, is_whole=is_whole, by=by, now_us=now_us
        ),
    )


async def _prices_page(
    call: RequestContext[Any, Any], form: Form, problem: Problem = NO_PROBLEM
) -> Response:
    environment = call.principal.environment
    after = _place_of(read_query(call).text("cursor"))

    async def work(tx: Transaction) -> tuple[PriceList, list[ModelPrice]]:
        changes = await history(tx, environment, after=after, limit=ASKED)
        return await read_list(tx, environment), changes

    found, changes = await call.context.database.read(work)
    return page(
        call,
        "admin/prices.html",
        status=problem.status,
        prices=found.prices,
        version=found.version,
        listing=paged(call, changes, lambda one: f"{one.version}:{one.model}"),
        form=form,
        problem=problem,
    )


def _place_of(cursor: str) -> tuple[int, str] | None:
    if not cursor:
        return None
    version, _, model = cursor.partition(":")
    if not (version.isascii() and version.isdigit() and len(version) <= 18):
        raise InvalidInput("not a cursor of this list", param="cursor")
    return int(version), model


ROUTES = (
    admin_route("GET", "/prices", show, "Prices of tokens"),
    admin_route("POST", "/prices", set_one, "Set a price"),
    admin_route("POST", "/prices/import", set_many, "Set the prices of a file"),
    admin_route("POST", "/prices/withdraw", withdraw, "Withdraw a price"),
)
