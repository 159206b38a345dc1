"""Stock: how many codes are left of each kind, and a form that takes more in. A code is never shown."""

import io
from collections.abc import Sequence
from typing import Any, Final

from billing.fulfilment import commands, stock as stocked
from billing.fulfilment.stock import ADDED_AT_ONCE_MAX, StockCode, StockLevel
from billing.fulfilment.stock_csv import read_codes
from billing.topups.platform_rows import SupplierRow, list_suppliers
from gateway.dashboard.admin.fields import admin_route, commit
from gateway.dashboard.sheet import Sheet, list_page
from gateway.html.forms import NO_PROBLEM, Form, Problem, problem_of, read_form
from gateway.html.render import go
from gateway.http.fields import cursor_id
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError, InvalidInput
from kernel.fields import Fields
from store.database import Transaction

PATH: Final = "/dashboard/admin/stock"
# A code is in no file either: hint is its last characters.
_SHEET: Final = Sheet[StockCode](
    "stock",
    (
        *("id", "supplier", "platform", "amount_cents", "hint", "added_at", "expires_at"),
        *("taken_at", "transaction_id"),
    ),
)


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    """What is left, and the latest codes by their last characters."""
    return await _stock_page(call, Form())


async def add(call: RequestContext[Fields, Fields]) -> Reply:
    """Takes in the lines that were pasted, all or none; those that are known are passed over."""
    form = read_form(call)
    environment = call.principal.environment
    vault = call.context.suppliers.vault
    try:
        codes = list(read_codes(io.StringIO(form.raw("csv")), environment, form.text("supplier")))
        if not codes:
            raise InvalidInput("has no line below the first", param="csv")
        if len(codes) > ADDED_AT_ONCE_MAX:
            raise InvalidInput(
                f"at most {ADDED_AT_ONCE_MAX:,} here; `topup stock add` takes more", param="csv"
            )
        await commit(
            call,
            lambda tx, by, now_us: commands.add_stock(tx, codes, vault, by=by, now_us=now_us),
        )
    except DomainError as error:
        return await _stock_page(call, form, problem_of(error))
    return go(PATH, said="stock-added")


async def _stock_page(
    call: RequestContext[Any, Any], form: Form, problem: Problem = NO_PROBLEM
) -> Reply:
    environment = call.principal.environment

    async def read(tx: Transaction, cursor: str | None, limit: int) -> Sequence[StockCode]:
        before_id = cursor_id(cursor, "stk")
        return await stocked.list_codes(tx, environment, before_id=before_id, limit=limit)

    async def work(tx: Transaction) -> tuple[Sequence[StockLevel], list[SupplierRow]]:
        suppliers = await list_suppliers(tx, environment)
        return (
            await stocked.levels(tx, environment, now_us=call.now_us),
            [row for row in suppliers if row.kind == "code_stock"],
        )

    levels, suppliers = await call.context.database.read(work)
    return await list_page(
        call,
        "admin/stock.html",
        _SHEET,
        read,
        status=problem.status,
        levels=levels,
        suppliers=suppliers,
        form=form,
        problem=problem,
    )


ROUTES = (
    admin_route("GET", "/stock", show, "What is left of the codes"),
    admin_route("POST", "/stock", add, "Take codes in"),
)
