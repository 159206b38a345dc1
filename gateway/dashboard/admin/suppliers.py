"""Show suppliers' performance and options, and pause suppliers. A supplier is called only when an operator presses
a button.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from starlette.responses import Response

from billing.fulfilment.kinds import SupplierKinds
from billing.fulfilment.options import shown_options
from billing.fulfilment.protocol import Registration, sealed_fields
from billing.manual_review.supplier_acts import (
    CHECK_SUPPLIERS,
    CREATE_SUPPLIER,
    DISABLE_SUPPLIER,
    ENABLE_SUPPLIER,
    PAUSE_SUPPLIER,
    RESUME_SUPPLIER,
    SET_OPTIONS,
    CheckedSupplier,
    CheckQuery,
    NewSupplier,
    SupplierChanges,
)
from billing.manual_review.waiting import SupplierHealth, health_of
from billing.topups.platform_rows import SupplierRow, get_supplier, list_suppliers
from gateway.dashboard.act_pages import form_route, run_asked
from gateway.dashboard.admin.fields import admin_route
from gateway.html.act_form import (
    STEP_FIELD,
    ShownField,
    fields_of,
    form_of,
    in_runs,
    problem_before,
    stepped,
)
from gateway.html.format import SAID
from gateway.html.forms import NO_PROBLEM, Form, Problem, problem_of, read_form, read_query
from gateway.html.render import go, page
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError
from kernel.fields import Fields, facts_of
from store.database import Transaction

PATH: Final = "/dashboard/admin/suppliers"
_OPTION: Final = re.compile(r"option (\w+)")


async def show_list(call: RequestContext[Fields, Fields]) -> Reply:
    environment = call.principal.environment

    async def work(tx: Transaction) -> tuple[Sequence[SupplierRow], Mapping[str, SupplierHealth]]:
        rows = await list_suppliers(tx, environment)
        return rows, await health_of(tx, environment, [row.id for row in rows], now_us=call.now_us)

    rows, health = await call.context.database.read(work)
    return page(call, "admin/suppliers.html", suppliers=rows, health=health)


async def show_new(call: RequestContext[Fields, Fields]) -> Reply:
    return await _new_page(call, read_query(call))


async def create(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    supplier, is_simulated = form.text("id"), form.text("simulated") == "yes"
    if form.text(STEP_FIELD):
        typed = {"id": supplier, "kind": form.text("kind"), "simulated": is_simulated}
        return await _new_page(call, form, problem_before(NewSupplier, typed, {}, form))
    try:
        registration = _kinds(call).registration(form.text("kind"))
        given = {} if is_simulated else _given(registration, form)
        asked = NewSupplier(id=supplier, kind=registration.name, simulated=is_simulated, **given)
        await run_asked(call, CREATE_SUPPLIER, asked)
    except DomainError as error:
        return await _new_page(call, form, _option_problem(error))
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
        await run_asked(call, SET_OPTIONS, asked)
    except DomainError as error:
        return await _supplier_page(call, form, _option_problem(error))
    return go(f"{PATH}/{supplier}", said=SET_OPTIONS.name)


async def check(call: RequestContext[Fields, Fields]) -> Reply:
    read_form(call)
    asked = CheckQuery(supplier=_place(call)[1])
    found = await run_asked(call, CHECK_SUPPLIERS, asked)
    return await _supplier_page(call, Form(), checked=found.items[0])


def _place(call: RequestContext[Any, Any]) -> tuple[str, str]:
    return call.principal.environment, call.params["supplier"]


def _kinds(call: RequestContext[Any, Any]) -> SupplierKinds:
    return call.context.part(SupplierKinds)


def _given(registration: Registration, form: Form) -> dict[str, dict[str, Any]]:
    """Return the typed options and secrets. If a secret is blank, the stored one stays."""
    sealed = sealed_fields(registration.options)
    typed: dict[str, Any] = {
        fact.name: bool(form.text(fact.name))
        if fact.kind == "yes_no"
        else form.text(fact.name) or None
        for fact in facts_of(registration.options)
        if fact.kind == "yes_no" or fact.name in form.fields
    }
    return {
        "options": {name: text for name, text in typed.items() if name not in sealed},
        "secrets": {name: text for name, text in typed.items() if name in sealed and text},
    }


def _option_problem(error: DomainError) -> Problem:
    problem = problem_of(error)
    named = _OPTION.search(error.detail)
    if named is None or not {"options", "secrets"} & problem.fields.keys():
        return problem
    return replace(problem, fields={named[1]: problem.text})


def _fields(registration: Registration, row: SupplierRow | None, form: Form) -> list[ShownField]:
    """Return the options of the supplier's kind. Each shows the typed value, the stored value or the default.
    Secrets are never shown.
    """
    secret, facts = sealed_fields(registration.options), facts_of(registration.options)
    stored = {} if row is None else shown_options(row)
    known = form_of(registration.options, {**{one.name: one.default for one in facts}, **stored})
    is_typed = any(one.name in form.fields for one in facts)
    filled = {
        one.name: form.many(one.name) if is_typed else known.many(one.name)
        for one in facts
        if one.name not in secret
    }
    return [
        one._replace(
            input_type="password",
            hint=_secret_hint(stored.get(one.name), is_required=one.is_required),
        )
        if one.name in secret
        else one
        for one in fields_of(registration.options, Form({"": [""], **filled}))
    ]


def _secret_hint(ending: Any, *, is_required: bool) -> str:
    if ending:
        return f"Set, ends in {ending}. Leave it empty to keep it."
    return "Sealed, and never shown again." + ("" if is_required else " Optional.")


async def _new_page(
    call: RequestContext[Any, Any], form: Form, problem: Problem = NO_PROBLEM
) -> Response:
    kinds = call.context.suppliers.registrations
    registration = kinds.get(form.text("kind")) or next(iter(kinds.values()))
    asked = {"id", "kind", *(("simulated",) if call.principal.environment == "staging" else ())}
    words = {one.name: f"{one.name}: {one.text}" for one in kinds.values()}
    own = [one for one in fields_of(NewSupplier, form, {"kind": words}) if one.name in asked]
    fields = [*own, *_fields(registration, None, form)]
    return page(
        call,
        "acts/new.html",
        status=problem.status,
        title=CREATE_SUPPLIER.summary,
        crumbs=((PATH, "Suppliers"),),
        lead=f"{registration.text} In {call.principal.environment}.",
        guide="/docs/suppliers#what-each-kind-needs",
        action=PATH,
        button=CREATE_SUPPLIER.summary,
        has_secret=True,
        form=stepped(NewSupplier, fields, form, problem),
        problem=problem,
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
        fields=[]
        if registration is None or row.is_simulated
        else in_runs(_fields(registration, row, form)),
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
