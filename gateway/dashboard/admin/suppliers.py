"""Suppliers: their performance and options, and how each is paused and resumed.

A secret option is set here and never shown again. Only a press checks a supplier.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from starlette.responses import Response

from billing.fulfilment.kinds import SupplierKinds
from billing.fulfilment.options import shown_options
from billing.fulfilment.protocol import Registration, sealed_fields
from billing.manual_review.health import SupplierHealth, health_of
from billing.manual_review.supplier_acts import (
    DISABLE_SUPPLIER,
    ENABLE_SUPPLIER,
    PAUSE_SUPPLIER,
    RESUME_SUPPLIER,
)
from billing.manual_review.supplier_check_acts import CHECK_SUPPLIERS, CheckedSupplier, CheckQuery
from billing.manual_review.supplier_setup_acts import (
    CREATE_SUPPLIER,
    SET_OPTIONS,
    NewSupplier,
    SupplierChanges,
)
from billing.topups.platform_rows import SupplierRow, get_supplier, list_suppliers
from gateway.dashboard.act_pages import form_route, run_asked
from gateway.dashboard.admin.fields import admin_route
from gateway.html.format import SAID
from gateway.html.forms import NO_PROBLEM, Form, Problem, problem_of, read_form, read_query
from gateway.html.render import go, page
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError
from kernel.fields import Fields
from store.database import Transaction

PATH: Final = "/dashboard/admin/suppliers"


@dataclass(frozen=True, slots=True)
class OptionField:
    """One option of a kind, as a form shows it. shown: its value; of a secret the last characters."""

    name: str
    is_secret: bool
    is_required: bool
    shown: str


async def show_list(call: RequestContext[Fields, Fields]) -> Reply:
    environment = call.principal.environment

    async def work(tx: Transaction) -> tuple[Sequence[SupplierRow], Mapping[str, SupplierHealth]]:
        rows = await list_suppliers(tx, environment)
        return rows, await health_of(tx, environment, [row.id for row in rows], now_us=call.now_us)

    rows, health = await call.context.database.read(work)
    kinds = call.context.suppliers.registrations.values()
    return page(call, "admin/suppliers.html", suppliers=rows, health=health, kinds=kinds)


async def show_new(call: RequestContext[Fields, Fields]) -> Reply:
    return await _new_page(call, read_query(call))


async def create(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    supplier, is_simulated = form.text("id"), form.text("simulated") == "yes"
    try:
        registration = _kinds(call).registration(form.text("kind"))
        given = {} if is_simulated else _given(registration, form)
        asked = NewSupplier(id=supplier, kind=registration.name, simulated=is_simulated, **given)
        await run_asked(call, CREATE_SUPPLIER, asked, is_operator=True)
    except DomainError as error:
        return await _new_page(call, form, problem_of(error))
    return go(f"{PATH}/{supplier}", said=CREATE_SUPPLIER.name)


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    return await _supplier_page(call, Form())


async def change(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    environment, supplier = _place(call)
    row = await call.context.database.read(lambda tx: get_supplier(tx, environment, supplier))
    try:
        given = {} if row.is_simulated else _given(_kinds(call).registration(row.kind), form)
        is_meant = form.text("despite_open_attempts") == "yes"
        asked = SupplierChanges(despite_open_attempts=is_meant, **given)
        await run_asked(call, SET_OPTIONS, asked, is_operator=True)
    except DomainError as error:
        return await _supplier_page(call, form, problem_of(error))
    return go(f"{PATH}/{supplier}", said=SET_OPTIONS.name)


async def check(call: RequestContext[Fields, Fields]) -> Reply:
    read_form(call)
    asked = CheckQuery(supplier=_place(call)[1])
    found = await run_asked(call, CHECK_SUPPLIERS, asked, is_operator=True)
    return await _supplier_page(call, Form(), checked=found.items[0])


def _place(call: RequestContext[Any, Any]) -> tuple[str, str]:
    return call.principal.environment, call.params["supplier"]


def _kinds(call: RequestContext[Any, Any]) -> SupplierKinds:
    return call.context.part(SupplierKinds)


def _given(registration: Registration, form: Form) -> dict[str, dict[str, Any]]:
    """Return the typed options and secrets: an empty option is removed, an empty secret stays as it is."""
    sealed = sealed_fields(registration.options)
    typed = {
        name: form.text(name) or None
        for name in registration.options.__struct_fields__
        if name in form.fields
    }
    return {
        "options": {name: text for name, text in typed.items() if name not in sealed},
        "secrets": {name: text for name, text in typed.items() if name in sealed and text},
    }


def _fields(registration: Registration, row: SupplierRow | None, form: Form) -> list[OptionField]:
    secret = sealed_fields(registration.options)
    shown = {} if row is None else shown_options(row)
    return [
        OptionField(
            one.name,
            one.name in secret,
            one.required,
            str(shown.get(one.name) or "")
            if one.name in secret
            else form.text(one.name) or _text(shown.get(one.name, one.default)),
        )
        for one in msgspec.structs.fields(registration.options)
    ]


def _text(value: object) -> str:
    if value is None or value is msgspec.NODEFAULT:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


async def _new_page(
    call: RequestContext[Any, Any], form: Form, problem: Problem = NO_PROBLEM
) -> Response:
    kinds = call.context.suppliers.registrations
    registration = kinds.get(form.text("kind")) or next(iter(kinds.values()))
    return page(
        call,
        "admin/supplier_new.html",
        status=problem.status,
        form=form,
        problem=problem,
        kind=registration,
        fields=_fields(registration, None, form),
    )


async def _supplier_page(
    call: RequestContext[Any, Any],
    form: Form,
    problem: Problem = NO_PROBLEM,
    *,
    checked: CheckedSupplier | None = None,
) -> Response:
    environment, supplier = _place(call)

    async def work(tx: Transaction) -> tuple[SupplierRow, SupplierHealth]:
        row = await get_supplier(tx, environment, supplier)
        told = await health_of(tx, environment, [supplier], now_us=call.now_us)
        return row, told[supplier]

    row, health = await call.context.database.read(work)
    registration = call.context.suppliers.registrations.get(row.kind)
    return page(
        call,
        "admin/supplier.html",
        status=problem.status,
        supplier=row,
        health=health,
        kind=registration,
        fields=[] if registration is None or row.is_simulated else _fields(registration, row, form),
        form=form,
        problem=problem,
        checked=checked,
    )


SAID.update((act.name, act.done) for act in (CREATE_SUPPLIER, SET_OPTIONS))
ROUTES = (
    admin_route("GET", "/suppliers", show_list, "Suppliers and how they do"),
    admin_route("GET", "/new-supplier", show_new, "A form for a supplier"),
    admin_route("POST", "/suppliers", create, "Add a supplier"),
    admin_route("GET", "/suppliers/{supplier}", show, "One supplier"),
    admin_route("POST", "/suppliers/{supplier}", change, "Change a supplier"),
    admin_route("POST", "/suppliers/{supplier}/check", check, "Ask a supplier how it is"),
    *(
        form_route(act, _supplier_page)
        for act in (PAUSE_SUPPLIER, RESUME_SUPPLIER, DISABLE_SUPPLIER, ENABLE_SUPPLIER)
    ),
)
