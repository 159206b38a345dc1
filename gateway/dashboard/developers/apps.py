"""The account's own OAuth apps: register, rotate the secret, disable."""

from typing import Any, Final

from starlette.responses import Response

from billing.ledger.money import MICROS_PER_CENT
from gateway.dashboard.route import page_route
from gateway.html.forms import NO_PROBLEM, Form, Problem, problem_of, read_form, read_query
from gateway.html.phrase import phrase
from gateway.html.render import go, page
from gateway.http.acting import actor_of
from gateway.http.fields import cursor_id
from gateway.http.password_again import confirm, require_password
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError, InvalidInput
from kernel.fields import Fields
from kernel.limits import PAGE_ITEMS
from keys.oauth import app as oauth_app, commands as oauth
from keys.oauth.app import CAP_MICROS, CAP_PERIODS, NewApp, OAuthApp
from keys.principal import OAUTH_SCOPES

PATH: Final = "/dashboard/apps"
_SCOPES: Final = ("keys:write",)


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    """The apps of this environment, newest first, and a form for another."""
    return await _show(call, Form({"scope": [OAUTH_SCOPES[0]], "cap_period": ["month"]}))


async def create(call: RequestContext[Fields, Fields]) -> Reply:
    """A new app; its secret is shown this once."""
    form, owner, by = read_form(call), call.principal.tenant, actor_of(call)
    try:
        new = _new(form)
        if form.raw("password"):
            await confirm(call, form.raw("password"))
        await require_password(call)
        made, secret = await call.context.database.transaction(
            lambda tx: oauth.register_app(tx, owner, new, by=by, now_us=call.now_us)
        )
    except DomainError as error:
        return await _show(call, form, problem_of(error))
    return _made(call, made, secret)


async def rotate(call: RequestContext[Fields, Fields]) -> Reply:
    """Another secret, shown this once; the one before ends at once."""
    read_form(call)
    owner, app_id, by = call.principal.tenant, call.params["app_id"], actor_of(call)
    await require_password(call)
    made, secret = await call.context.database.transaction(
        lambda tx: oauth.rotate_secret(tx, owner, app_id, by=by, now_us=call.now_us)
    )
    return _made(call, made, secret)


async def disable(call: RequestContext[Fields, Fields]) -> Reply:
    """Ends the app and every token of it."""
    read_form(call)
    owner, app_id, by = call.principal.tenant, call.params["app_id"], actor_of(call)
    await call.context.database.transaction(
        lambda tx: oauth.disable_app(tx, owner, app_id, by=by, now_us=call.now_us)
    )
    return go(PATH, said="app-disabled")


def _new(form: Form) -> NewApp:
    """What was typed; raises InvalidInput."""
    cents = form.cents("cap")
    if cents is not None and cents > oauth_app.CAP_MICROS_MAX // MICROS_PER_CENT:
        raise InvalidInput(phrase("is an amount that somebody may have"), param="cap")
    return NewApp(
        name=form.text("name"),
        redirect_host=form.text("redirect_host"),
        redirect_uris=form.raw("redirect_uris").split(),
        is_public=form.text("is_public") == "yes",
        scope=form.text("scope"),
        cap_micros=CAP_MICROS if cents is None else cents * MICROS_PER_CENT,
        cap_period=form.text("cap_period"),
    )


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


def _made(call: RequestContext[Any, Any], app: OAuthApp, secret: str) -> Response:
    return page(call, "app_secret.html", app=app, secret=secret)


ROUTES = (
    page_route("GET", "/apps", show, "OAuth apps", _SCOPES),
    page_route("POST", "/apps", create, "Register an app", _SCOPES),
    page_route("POST", "/apps/{app_id}/rotate", rotate, "Rotate its secret", _SCOPES),
    page_route("POST", "/apps/{app_id}/disable", disable, "Disable an app", _SCOPES),
)
