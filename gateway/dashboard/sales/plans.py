"""Plans: what credit is sold as by the month or the year in this environment."""

from typing import Any, Final

from starlette.responses import Response

from billing.catalog import commands as catalogue, plan as plans
from billing.catalog.grant_terms import (
    DEFAULT_TERMS,
    NEVER,
    GrantTerms,
    entitlement_lines,
    entitlements_of,
)
from billing.catalog.plan import Plan
from billing.catalog.product_fields import ProductFields
from billing.ledger.price import Price, check_currency
from gateway.dashboard.admin.fields import admin_route, commit, money, number
from gateway.html.forms import NO_PROBLEM, Form, Problem, problem_of, read_form
from gateway.html.render import go, page
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError, InvalidInput
from kernel.fields import Fields
from store.database import Transaction

PATH: Final = "/dashboard/admin/plans"


async def show_list(call: RequestContext[Fields, Fields]) -> Reply:
    """The catalogue in its order, and a form for another."""
    shown = {"currency": "USD", **_terms_shown(DEFAULT_TERMS)}
    return await _list_page(call, Form({name: [value] for name, value in shown.items()}))


async def create(call: RequestContext[Fields, Fields]) -> Reply:
    """Sells one plan more."""
    form = read_form(call)
    try:
        fields = _product_fields(call)
        terms = _terms(form, fields)
        terms["products"] = {key: ref for key, ref in terms["products"].items() if ref is not None}
        terms["grant_terms"] = DEFAULT_TERMS.changed(terms["grant_terms"])
        new = Plan(
            environment=call.principal.environment,
            id=form.text("id"),
            created_at=call.now_us,
            **terms,
        )
        await commit(
            call,
            lambda tx, by, now_us: catalogue.create_plan(tx, new, fields, by=by, now_us=now_us),
        )
    except DomainError as error:
        return await _list_page(call, form, problem_of(error))
    return go(PATH, said="plan-made")


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    """One plan and its terms."""
    return await _plan_page(call)


async def change(call: RequestContext[Fields, Fields]) -> Reply:
    """Other terms for those who subscribe from now on."""
    form, place = read_form(call), (call.principal.environment, call.params["plan_id"])
    try:
        fields = _product_fields(call)
        changes = {**_terms(form, fields), "is_active": form.text("active") == "yes"}
        await commit(
            call,
            lambda tx, by, now_us: catalogue.change_plan(
                tx, place, changes, fields, by=by, now_us=now_us
            ),
        )
    except InvalidInput as error:
        return await _plan_page(call, form, problem_of(error))
    return go(f"{PATH}/{place[1]}", said="plan-saved")


def _product_fields(call: RequestContext[Any, Any]) -> ProductFields:
    return ProductFields.of(call.context.payments.providers.registrations)


def _terms(form: Form, fields: ProductFields) -> dict[str, Any]:
    """What was typed; raises InvalidInput."""
    monthly = money(form, "price_monthly", form.text("currency"))
    if monthly is None:
        raise InvalidInput("is required", param="price_monthly")
    yearly = money(form, "price_yearly", form.text("currency"))
    return {
        "name": form.text("name"),
        "description": form.text("description"),
        "price_monthly": monthly.amount,
        "price_yearly": None if yearly is None else yearly.amount,
        "currency": check_currency(form.text("currency")),
        "credits_included": number(form, "credits_included"),
        "trial_days": number(form, "trial_days", 0),
        "trial_credits": number(form, "trial_credits", 0),
        "features": tuple(filter(None, map(str.strip, form.raw("features").splitlines()))),
        "grant_terms": {
            "credit_expires": form.text("credit_expires") or NEVER,
            "rollover_max_credits": form.integer("rollover_max_credits"),
            "grants": form.text("grants") or DEFAULT_TERMS.grants,
            "entitlements": entitlements_of(form.raw("entitlements").splitlines()),
            "on_repurchase": form.text("on_repurchase") or DEFAULT_TERMS.on_repurchase,
            "when_used_up": form.text("when_used_up") or DEFAULT_TERMS.when_used_up,
        },
        "products": {key: form.text(one.name) or None for key, one in fields.by_key.items()},
    }


def _form_of(plan: Plan, fields: ProductFields) -> Form:
    """The plan as its form shows it."""
    shown = {
        "name": plan.name,
        "description": plan.description,
        "price_monthly": _decimal(plan.price_monthly, plan),
        "price_yearly": _decimal(plan.price_yearly, plan),
        "currency": plan.currency,
        "credits_included": str(plan.credits_included),
        "trial_days": str(plan.trial_days),
        "trial_credits": str(plan.trial_credits),
        "features": "\n".join(plan.features),
        "active": "yes" if plan.is_active else "no",
        **_terms_shown(plan.grant_terms),
        **{name: ref or "" for name, ref in fields.shown(plan.products).items()},
    }
    return Form({name: [value] for name, value in shown.items()})


def _terms_shown(terms: GrantTerms) -> dict[str, str]:
    most = terms.rollover_max_credits
    return {
        "credit_expires": terms.credit_expires,
        "rollover_max_credits": "" if most is None else str(most),
        "grants": terms.grants,
        "entitlements": "\n".join(entitlement_lines(terms.entitlements)),
        "on_repurchase": terms.on_repurchase,
        "when_used_up": terms.when_used_up,
    }


def _decimal(amount: int | None, plan: Plan) -> str:
    return "" if amount is None else Price(amount, plan.currency).decimal()


async def _list_page(
    call: RequestContext[Any, Any], form: Form, problem: Problem = NO_PROBLEM
) -> Response:
    environment = call.principal.environment

    async def work(tx: Transaction) -> list[Plan]:
        return list(await plans.list_plans(tx, environment, with_inactive=True))

    found = await call.context.database.read(work)
    return page(
        call,
        "admin/plans.html",
        status=problem.status,
        plans=found,
        product_fields=_product_fields(call).by_provider(),
        form=form,
        problem=problem,
    )


async def _plan_page(
    call: RequestContext[Any, Any], form: Form | None = None, problem: Problem = NO_PROBLEM
) -> Response:
    place = (call.principal.environment, call.params["plan_id"])
    found = await call.context.database.read(lambda tx: plans.get(tx, place))
    fields = _product_fields(call)
    return page(
        call,
        "admin/plan.html",
        status=problem.status,
        plan=found,
        product_fields=fields.by_provider(),
        form=_form_of(found, fields) if form is None else form,
        problem=problem,
    )


ROUTES = (
    admin_route("GET", "/plans", show_list, "Plans"),
    admin_route("POST", "/plans", create, "Make a plan"),
    admin_route("GET", "/plans/{plan_id}", show, "One plan"),
    admin_route("POST", "/plans/{plan_id}", change, "Change a plan"),
)
