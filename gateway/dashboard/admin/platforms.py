"""Platforms: what can be sent to, how much at once, and who supplies it in which order."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.responses import Response

from billing.fulfilment import commands
from billing.topups.fee_rows import EVERYBODY, FeeRow, list_fees
from billing.topups.platform import MAX_AMOUNT_CENTS, MIN_AMOUNT_CENTS
from billing.topups.platform_rows import (
    PlatformRow,
    get_platform,
    list_platforms,
    list_suppliers,
    suppliers_of,
)
from gateway.dashboard.admin.fields import admin_route, commit
from gateway.html.forms import NO_PROBLEM, Form, Problem, problem_of, read_form
from gateway.html.render import go, page
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError, NotFound
from kernel.fields import Fields
from keys.account import find_by_email, get_account
from keys.audit_log import Actor
from store.database import Transaction

PATH: Final = "/dashboard/admin/platforms"


async def show_list(call: RequestContext[Fields, Fields]) -> Reply:
    """In the order in which senders see them, and a form for another."""
    return await _list_page(call, Form())


async def create(call: RequestContext[Fields, Fields]) -> Reply:
    """Adds one; it is offered once a supplier is named for it."""
    form = read_form(call)
    try:
        row = PlatformRow(
            environment=call.principal.environment,
            id=form.text("id"),
            name=form.text("name") or form.text("id").capitalize(),
            min_amount_cents=form.cents("min") or MIN_AMOUNT_CENTS,
            max_amount_cents=form.cents("max") or MAX_AMOUNT_CENTS,
            created_at=call.now_us,
        )
        await commit(
            call, lambda tx, by, now_us: commands.add_platform(tx, row, by=by, now_us=now_us)
        )
    except DomainError as error:
        return await _list_page(call, form, problem_of(error))
    return go(f"{PATH}/{row.id}", said="platform-made")


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    """One platform."""
    return await _platform_page(call, None)


async def change(call: RequestContext[Fields, Fields]) -> Reply:
    """Its name, amounts and suppliers in order, in one transaction."""
    form = read_form(call)
    environment, platform = call.principal.environment, call.params["platform"]

    async def work(tx: Transaction, by: Actor, now_us: int) -> None:
        changes: dict[str, Any] = {"is_active": form.text("active") == "yes"}
        for name, column in (("min", "min_amount_cents"), ("max", "max_amount_cents")):
            if (cents := form.cents(name)) is not None:
                changes[column] = cents
        if form.text("name"):
            changes["name"] = form.text("name")
        await commands.change_platform(tx, environment, platform, changes, by=by, now_us=now_us)
        wanted = form.lines("suppliers")
        if wanted != list((await suppliers_of(tx, environment)).get(platform, ())):
            await commands.set_platform_suppliers(
                tx, environment, platform, wanted, by=by, now_us=now_us
            )

    try:
        await commit(call, work)
    except DomainError as error:
        return await _platform_page(call, form, problem_of(error))
    return go(f"{PATH}/{platform}", said="platform-saved")


async def set_fee(call: RequestContext[Fields, Fields]) -> Reply:
    """What a send to it costs beside its amount, for all or for one account; or no fee any more."""
    form = read_form(call)
    environment, platform = call.principal.environment, call.params["platform"]
    is_cleared = form.text("step") == "clear"

    async def work(tx: Transaction, by: Actor, now_us: int) -> None:
        whose = await _whose_fee(tx, form.text("account"))
        if is_cleared:
            await commands.clear_fee(tx, environment, platform, whose, by=by, now_us=now_us)
            return
        row = FeeRow(
            environment=environment,
            platform=platform,
            account_id=whose,
            fixed_cents=form.cents("fixed_cents") or 0,
            basis_points=form.integer("basis_points") or 0,
            min_cents=form.cents("min_cents") or 0,
            max_cents=form.cents("max_cents"),
            changed_at=now_us,
        )
        await commands.set_fee(tx, row, by=by, now_us=now_us)

    try:
        await commit(call, work)
    except DomainError as error:
        return await _platform_page(call, None, problem_of(error), fee_form=form)
    return go(f"{PATH}/{platform}", said="fee-cleared" if is_cleared else "fee-saved")


async def _whose_fee(tx: Transaction, account: str) -> str:
    """The account's id, by its id or address; raises NotFound."""
    if not account:
        return EVERYBODY
    if "@" not in account:
        return (await get_account(tx, account)).id
    found = await find_by_email(tx, account)
    if found is None:
        raise NotFound("Account", param="account")
    return found.id


async def _list_page(
    call: RequestContext[Any, Any], form: Form, problem: Problem = NO_PROBLEM
) -> Response:
    environment = call.principal.environment

    async def work(tx: Transaction) -> tuple[Sequence[PlatformRow], Mapping[str, Sequence[str]]]:
        return await list_platforms(tx, environment), await suppliers_of(tx, environment)

    rows, suppliers = await call.context.database.read(work)
    return page(
        call,
        "admin/platforms.html",
        status=problem.status,
        platforms=rows,
        suppliers=suppliers,
        form=form,
        problem=problem,
    )


async def _platform_page(
    call: RequestContext[Any, Any],
    form: Form | None,
    problem: Problem = NO_PROBLEM,
    *,
    fee_form: Form | None = None,
) -> Response:
    environment, platform = call.principal.environment, call.params["platform"]

    async def work(
        tx: Transaction,
    ) -> tuple[PlatformRow, Sequence[str], list[str], list[FeeRow]]:
        row = await get_platform(tx, environment, platform)
        named = (await suppliers_of(tx, environment)).get(platform, ())
        return (
            row,
            named,
            [one.id for one in await list_suppliers(tx, environment) if one.is_active],
            [one for one in await list_fees(tx, environment) if one.platform == platform],
        )

    row, named, known, fees = await call.context.database.read(work)
    kept = Form(
        {
            "name": [row.name],
            "min": [f"{row.min_amount_cents / 100:.2f}"],
            "max": [f"{row.max_amount_cents / 100:.2f}"],
            "suppliers": [", ".join(named)],
            "active": ["yes" if row.is_active else "no"],
        }
    )
    return page(
        call,
        "admin/platform.html",
        status=problem.status,
        platform=row,
        named=named,
        known=known,
        form=form or kept,
        fees=fees,
        fee_form=fee_form or Form(),
        problem=problem,
    )


ROUTES = (
    admin_route("GET", "/platforms", show_list, "Platforms and their suppliers"),
    admin_route("POST", "/platforms", create, "Add a platform"),
    admin_route("GET", "/platforms/{platform}", show, "One platform"),
    admin_route("POST", "/platforms/{platform}", change, "Change a platform"),
    admin_route("POST", "/platforms/{platform}/fee", set_fee, "Set a platform's fee, or clear it"),
)
