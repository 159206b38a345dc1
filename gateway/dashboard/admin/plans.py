"""Plans: what credit is sold as by the month or the year in this environment."""

from typing import Any, Final

from starlette.responses import Response

from billing.catalog import commands as catalogue, plan as plans
from billing.catalog.plan import Plan
from billing.ledger.price import Price, check_currency
from gateway.dashboard.admin.fields import admin_route, money, number
from gateway.html.forms import NO_PROBLEM, Form, Problem, problem_of, read_form
from gateway.html.render import go, page
from gateway.http.fields import Fields
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError, InvalidInput
from keys.audit_log import Actor
from store.database import Transaction

PATH: Final = "/dashboard/admin/plans"
# Names of the providers' own prices and products, empty where there is none.
_REFS: Final = (
    "stripe_price_id_monthly",
    "stripe_price_id_yearly",
    "creem_product_id",
    "creem_product_id_yearly",
)


async def show_list(call: RequestContext[Fields, Fields]) -> Reply:
    """The catalogue in its order, and a form for another."""
    return await _list_page(call, Form({"currency": ["USD"]}))


async def create(call: RequestContext[Fields, Fields]) -> Reply:
    """Sells one plan more."""
    form = read_form(call)
    try:
        new = Plan(
            environment=call.principal.environment,
            id=form.text("id"),
            created_at=call.now_us,
            **_terms(form),
        )

        async def work(tx: Transaction) -> None:
            by = Actor.of(call.principal)
            await catalogue.create_plan(tx, new, by=by, now_us=call.now_us)

        await call.context.database.transaction(work)
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
        changes = {**_terms(form), "is_active": form.text("active") == "yes"}

        async def work(tx: Transaction) -> None:
            by = Actor.of(call.principal)
            await catalogue.change_plan(tx, place, changes, by=by, now_us=call.now_us)

        await call.context.database.transaction(work)
    except InvalidInput as error:
        return await _plan_page(call, form, problem_of(error))
    return go(f"{PATH}/{place[1]}", said="plan-saved")


def _terms(form: Form) -> dict[str, Any]:
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
        "features": tuple(filter(None, map(str.strip, form.raw("features").splitlines()))),
        **{name: form.text(name) or None for name in _REFS},
    }


def _form_of(plan: Plan) -> Form:
    """The plan as its form shows it."""
    shown = {
        "name": plan.name,
        "description": plan.description,
        "price_monthly": _decimal(plan.price_monthly, plan),
        "price_yearly": _decimal(plan.price_yearly, plan),
        "currency": plan.currency,
        "credits_included": str(plan.credits_included),
        "features": "\n".join(plan.features),
        "active": "yes" if plan.is_active else "no",
        **{name: getattr(plan, name) or "" for name in _REFS},
    }
    return Form({name: [value] for name, value in shown.items()})


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
        form=form,
        problem=problem,
    )


async def _plan_page(
    call: RequestContext[Any, Any], form: Form | None = None, problem: Problem = NO_PROBLEM
) -> Response:
    place = (call.principal.environment, call.params["plan_id"])
    found = await call.context.database.read(lambda tx: plans.get(tx, place))
    return page(
        call,
        "admin/plan.html",
        status=problem.status,
        plan=found,
        form=_form_of(found) if form is None else form,
        problem=problem,
    )


ROUTES = (
    admin_route("GET", "/plans", show_list, "Plans"),
    admin_route("POST", "/plans", create, "Make a plan"),
    admin_route("GET", "/plans/{plan_id}", show, "One plan"),
    admin_route("POST", "/plans/{plan_id}", change, "Change a plan"),
)
