"""Register the account's own OAuth apps, rotate their secrets, and disable apps."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from gateway.dashboard.act import button_route
from gateway.dashboard.route import page_route
from gateway.html.forms import NO_PROBLEM, Form, Problem, problem_of, read_form, read_query
from gateway.html.phrase import phrase
from gateway.html.render import page
from gateway.http.fields import cursor_id
from gateway.http.own_acts import run_own
from gateway.http.password_again import confirm, require_password
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError, InvalidInput
from kernel.fields import Fields
from kernel.limits import PAGE_ITEMS
from keys.oauth import app as oauth_app
from keys.oauth.acts import CAP_CENTS_MAX, CREATE_APP, DISABLE_APP, ROTATE_APP
from keys.oauth.app import CAP_PERIODS
from keys.principal import OAUTH_SCOPES

PATH: Final = "/dashboard/apps"
_SCOPES: Final = ("keys:write",)


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    return await _show(call, Form({"scope": [OAUTH_SCOPES[0]], "cap_period": ["month"]}))


async def create(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    try:
        cents = _cap_cents(form)
        if form.raw("password"):
            await confirm(call, form.raw("password"))
        await require_password(call)
        made = await run_own(call, CREATE_APP, {**_new(form), **cents})
    except DomainError as error:
        return await _show(call, form, problem_of(error))
    return page(call, "app_secret.html", app=made)


async def rotate(call: RequestContext[Fields, Fields]) -> Reply:
    read_form(call)
    await require_password(call)
    return page(call, "app_secret.html", app=await run_own(call, ROTATE_APP))


def _new(form: Form) -> Mapping[str, Any]:
    return {
        "name": form.text("name"),
        "redirect_host": form.text("redirect_host"),
        "redirect_uris": form.raw("redirect_uris").split(),
        "public": form.text("is_public") == "yes",
        "scope": form.text("scope"),
        "cap_period": form.text("cap_period"),
    }


def _cap_cents(form: Form) -> Mapping[str, Any]:
    """Raise InvalidInput."""
    cents = form.cents("cap_cents")
    if cents is not None and cents > CAP_CENTS_MAX:
        raise InvalidInput(phrase("is an amount that somebody may have"), param="cap_cents")
    return {} if cents is None else {"cap_cents": cents}


async def _show(
    call: RequestContext[Any, Any], form: Form, problem: Problem = NO_PROBLEM
) -> Response:
    owner = call.principal.tenant
    before_id = cursor_id(read_query(call).text("cursor") or None, "app")
    apps = await call.context.database.read(
        lambda tx: oauth_app.list_apps(tx, owner, before_id=before_id, limit=PAGE_ITEMS + 1)
    )
    return page(
        call,
        "apps.html",
        status=problem.status,
        apps=apps[:PAGE_ITEMS],
        more=apps[PAGE_ITEMS - 1].id if len(apps) > PAGE_ITEMS else None,
        form=form,
        problem=problem,
        scopes=OAUTH_SCOPES,
        periods=CAP_PERIODS,
    )


ROUTES = (
    page_route("GET", "/apps", show, "OAuth apps", _SCOPES),
    page_route("POST", "/apps", create, "Register an app", _SCOPES),
    page_route("POST", "/apps/{app_id}/rotate", rotate, "Rotate its secret", _SCOPES),
    button_route("/apps/{app_id}/disable", DISABLE_APP, "app-disabled", then=PATH),
)
