"""Register the account's own OAuth apps, rotate their secrets, and disable apps."""

from collections.abc import Mapping
from typing import Any, Final

from gateway.dashboard.act import button_route
from gateway.dashboard.listing import Paged
from gateway.dashboard.own_lists import OwnList
from gateway.dashboard.route import page_route
from gateway.html.forms import NO_PROBLEM, Form, problem_of, read_form
from gateway.html.phrase import phrase
from gateway.html.render import page
from gateway.http.own_acts import run_own
from gateway.http.password_again import confirm, require_password
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError, InvalidInput
from kernel.fields import Fields
from keys.oauth.acts import CAP_CENTS_MAX, CREATE_APP, DISABLE_APP, LIST_APPS, ROTATE_APP
from keys.principal import OAUTH_SCOPES

PATH: Final = "/dashboard/apps"
_SCOPES: Final = ("keys:write",)


async def _more(_call: RequestContext[Any, Any], _listed: Paged) -> Mapping[str, Any]:
    form = Form({"scope": [OAUTH_SCOPES[0]], "cap_period": ["month"]})
    return {"form": form, "problem": NO_PROBLEM}


_LIST: Final = OwnList(
    path="/apps",
    title=phrase("OAuth apps"),
    lead=phrase("Your software that acts for users of this gateway, in %(environment)s."),
    listed=LIST_APPS,
    empty=phrase("No apps yet."),
    advice=phrase(
        "Register an app, send users to /next/v1/oauth, and exchange the code that they return with."
    ),
    columns="name lead break, scope break, cap_micros, secret, client_id whole",
    leads="",
    template="apps.html",
    more=_more,
)


async def create(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    try:
        cents = _cap_cents(form)
        if form.raw("password"):
            await confirm(call, form.raw("password"))
        await require_password(call)
        made = await run_own(call, CREATE_APP, {**_new(form), **cents})
    except DomainError as error:
        problem = problem_of(error)
        return await _LIST.show(call, status=problem.status, form=form, problem=problem)
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


ROUTES = (
    _LIST.route(),
    page_route("POST", "/apps", create, "Register an app", _SCOPES),
    page_route("POST", "/apps/{app_id}/rotate", rotate, "Rotate its secret", _SCOPES),
    button_route("/apps/{app_id}/disable", DISABLE_APP, "app-disabled", then=PATH),
)
