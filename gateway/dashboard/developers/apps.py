"""The account's own OAuth apps: register, rotate the secret, disable."""

from typing import Any, Final

from starlette.responses import Response

from billing.ledger.money import MICROS_PER_CENT
from gateway.dashboard.route import page_route
from gateway.html.forms import NO_PROBLEM, Form, Problem, problem_of, read_form, read_query
from gateway.html.render import go, page
from gateway.http.acting import note
from gateway.http.fields import Fields, cursor_id
from gateway.http.password_again import confirm, require_password
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError, InvalidInput
from kernel.limits import PAGE_ITEMS
from keys.account import lock_scopes
from keys.oauth import app as oauth_app
from keys.oauth.app import CAP_MICROS, CAP_PERIODS, NewApp, OAuthApp
from keys.principal import OAUTH_SCOPES
from store.database import Transaction

PATH: Final = "/dashboard/apps"
_SCOPES: Final = ("keys:write",)


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    """The apps of this environment, newest first, and a form for another."""
    return await _show(call, Form({"scope": [OAUTH_SCOPES[0]], "cap_period": ["month"]}))


async def create(call: RequestContext[Fields, Fields]) -> Reply:
    """A new app; its secret is shown this once."""
    form, owner = read_form(call), call.principal.scope
    try:
        new = _new(form)

        async def work(tx: Transaction) -> tuple[OAuthApp, str]:
            await lock_scopes(tx, [owner])
            app, fresh = await oauth_app.create(tx, owner, new, now_us=call.now_us)
            after = {"name": app.name, "scope": app.scope, "hosts": app.registered.hosts}
            await note(tx, call, "app.created", app.id, after=after)
            return app, fresh

        if form.raw("password"):
            await confirm(call, form.raw("password"))
        await require_password(call)
        made, secret = await call.context.database.transaction(work)
    except DomainError as error:
        return await _show(call, form, problem_of(error))
    return _made(call, made, secret)


async def rotate(call: RequestContext[Fields, Fields]) -> Reply:
    """Another secret, shown this once; the one before ends at once."""
    read_form(call)
    owner, app_id = call.principal.scope, call.params["app_id"]

    async def work(tx: Transaction) -> tuple[OAuthApp, str]:
        await lock_scopes(tx, [owner])
        app, fresh = await oauth_app.rotate(tx, owner, app_id, now_us=call.now_us)
        await note(tx, call, "app.secret_rotated", app_id)
        return app, fresh

    await require_password(call)
    made, secret = await call.context.database.transaction(work)
    return _made(call, made, secret)


async def disable(call: RequestContext[Fields, Fields]) -> Reply:
    """Ends the app and every token of it."""
    read_form(call)
    owner, app_id = call.principal.scope, call.params["app_id"]

    async def work(tx: Transaction) -> None:
        await lock_scopes(tx, [owner])
        ended = await oauth_app.disable(tx, owner, app_id, now_us=call.now_us)
        if ended.disabled_at == call.now_us:
            await note(tx, call, "app.disabled", app_id, after={"name": ended.name})

    await call.context.database.transaction(work)
    return go(PATH, said="app-disabled")


def _new(form: Form) -> NewApp:
    """What was typed; raises InvalidInput."""
    cents = form.cents("cap")
    if cents is not None and cents > oauth_app.CAP_MICROS_MAX // MICROS_PER_CENT:
        raise InvalidInput("is an amount that somebody may have", param="cap")
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
    owner, before_id = (
        call.principal.scope,
        cursor_id(read_query(call).text("cursor") or None, "app"),
    )

    async def work(tx: Transaction) -> list[OAuthApp]:
        return await oauth_app.list_apps(tx, owner, before_id=before_id, limit=PAGE_ITEMS + 1)

    apps = await call.context.database.read(work)
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
