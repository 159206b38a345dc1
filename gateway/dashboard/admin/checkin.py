"""What a check-in awards in this environment."""

from dataclasses import asdict
from typing import Any, Final

from starlette.responses import Response

from billing.catalog import commands as catalogue
from billing.credits.checkin_settings import CheckinSettings, read_settings
from gateway.dashboard.admin.fields import admin_route, number
from gateway.html.forms import NO_PROBLEM, Form, Problem, problem_of, read_form
from gateway.html.render import go, page
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError
from kernel.fields import Fields
from keys.audit_log import Actor
from store.database import Transaction

PATH: Final = "/dashboard/admin/checkin"


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    """What holds now."""
    environment = call.principal.environment

    async def work(tx: Transaction) -> CheckinSettings:
        return (await read_settings(tx, [environment]))[environment]

    return _settings_page(call, _form_of(await call.context.database.read(work)))


async def change(call: RequestContext[Fields, Fields]) -> Reply:
    """What holds from the next check-in on."""
    form, environment, now_us = read_form(call), call.principal.environment, call.now_us
    try:
        settings = CheckinSettings(
            is_enabled=form.text("is_enabled") == "yes",
            credits_min=number(form, "credits_min"),
            credits_max=number(form, "credits_max", form.integer("credits_min")),
            streak_bonus_credits=number(form, "streak_bonus_credits", 0),
            streak_days_max=number(form, "streak_days_max", 0),
            daily_budget_credits=form.integer("daily_budget_credits"),
        )

        async def work(tx: Transaction) -> None:
            by, changes = Actor.of(call.principal), asdict(settings)
            await catalogue.change_checkin(tx, environment, changes, by=by, now_us=now_us)

        await call.context.database.transaction(work)
    except DomainError as error:
        return _settings_page(call, form, problem_of(error))
    return go(PATH, said="checkin-set")


def _settings_page(
    call: RequestContext[Any, Any], form: Form, problem: Problem = NO_PROBLEM
) -> Response:
    return page(call, "admin/checkin.html", status=problem.status, form=form, problem=problem)


def _form_of(settings: CheckinSettings) -> Form:
    """The settings as their form shows them."""
    shown = {name: "" if value is None else str(value) for name, value in asdict(settings).items()}
    shown["is_enabled"] = "yes" if settings.is_enabled else "no"
    return Form({name: [value] for name, value in shown.items()})


ROUTES = (
    admin_route("GET", "/checkin", show, "Check-in settings"),
    admin_route("POST", "/checkin", change, "Set what check-ins award"),
)
