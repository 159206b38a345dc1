"""Where provider, ledger and supplier do not agree: each difference with what to press, and its end."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from billing.reconciliation import differences, runs
from billing.reconciliation.daily import PROVIDER
from billing.reconciliation.differences import MoneyDifference
from billing.reconciliation.kinds import KINDS
from gateway.dashboard.admin.fields import admin_route, commit
from gateway.dashboard.sheet import Sheet, list_page
from gateway.html.forms import NO_PROBLEM, Form, Problem, problem_of, read_form, read_query
from gateway.html.render import go
from gateway.http.fields import cursor_id
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError
from kernel.fields import Fields
from store.database import Transaction

PATH: Final = "/dashboard/admin/reconciliation"
_SHEET: Final = Sheet[MoneyDifference](
    "differences",
    (
        *("id", "account_id", "part", "kind", "subject_id", "expected", "found", "unit", "detail"),
        *("since", "seen_at", "closed_at", "closed_by", "reason"),
    ),
    filters=("view",),
)
# Where a difference's subject has a page of its own, by what its id begins with.
_PLACES: Final = {
    "ord_": "/dashboard/admin/orders/",
    "mpy_": "/dashboard/admin/machine-payments/",
    "txn_": "/dashboard/admin/topups/",
    "sup_": "/dashboard/admin/suppliers/",
}


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    return await _page(call)


async def want(call: RequestContext[Fields, Fields]) -> Reply:
    environment, now_us = call.principal.environment, call.now_us
    await call.context.database.transaction(lambda tx: runs.want(tx, environment, now_us=now_us))
    return go(PATH, said="reconciliation-wanted")


async def close(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    environment, wanted = call.principal.environment, call.params["difference_id"]
    try:
        await commit(
            call,
            lambda tx, by, now_us: differences.close(
                tx, wanted, environment, form.text("reason"), by=by, now_us=now_us
            ),
        )
    except DomainError as error:
        return await _page(call, problem_of(error))
    return go(PATH, said="difference-closed")


async def _page(call: RequestContext[Any, Any], problem: Problem = NO_PROBLEM) -> Reply:
    asked: Form = read_query(call)
    environment, is_closed = call.principal.environment, asked.text("view") == "closed"

    async def read(tx: Transaction, cursor: str | None, limit: int) -> Sequence[MoneyDifference]:
        before_id = cursor_id(cursor, "dif")
        return await differences.page(
            tx, environment, is_closed=is_closed, before_id=before_id, limit=limit
        )

    parts = await call.context.database.read(lambda tx: runs.list_runs(tx, environment))
    return await list_page(
        call,
        "admin/reconciliation.html",
        _SHEET,
        read,
        status=problem.status,
        problem=problem,
        is_closed=is_closed,
        kinds=KINDS,
        parts=parts,
        place_of=_place_of,
        part_name=partial(_part_name, call.context.payments.providers.label),
    )


def _part_name(label: Callable[[str], str], part: str) -> str:
    """A part as people read it: a provider by its name, another with a capital."""
    provider = part.removeprefix(PROVIDER)
    return part.capitalize() if provider == part else label(provider)


def _place_of(subject_id: str) -> str | None:
    """The subject's own page, where it has one."""
    base = _PLACES.get(subject_id[:4])
    return None if base is None else f"{base}{subject_id}"


ROUTES = (
    admin_route("GET", "/reconciliation", show, "Where money differs"),
    admin_route("POST", "/reconciliation/run", want, "Compare now"),
    admin_route("POST", "/reconciliation/{difference_id}/close", close, "Close a difference"),
)
