"""The person's own account: password, sessions, and the environment that this session looks at."""

from typing import Any

from starlette.responses import Response

from gateway.call import Call
from gateway.fields import Fields
from gateway.pages.form import NO_PROBLEM, Problem, problem_of, read_form
from gateway.pages.refused import is_safe_way
from gateway.pages.render import go, page
from gateway.pages.route import page_route
from gateway.pages.sign_in import is_secure, throttle
from gateway.routing import Reply
from gateway.session_cookie import SignInRefused, set_cookie
from kernel.errors import DomainError, InvalidInput
from keys import session
from keys.account import Account, get_account, set_password_hash
from keys.password import check_password
from keys.principal import ACCOUNT_SCOPES, ENVIRONMENTS
from keys.session import Session
from store.db import Transaction

PATH = "/dashboard/account"


async def show(call: Call[Fields, Fields]) -> Reply:
    """Who is signed in, and where."""
    return await _show(call, NO_PROBLEM)


async def change_password(call: Call[Fields, Fields]) -> Reply:
    """A new password; every other session ends with the old one."""
    form, principal, context = read_form(call), call.principal, call.context
    new = form.raw("new_password")
    try:
        check_password(new, param="new_password")
        await throttle(call, principal.account_email or "")
        account = await context.database.read(lambda tx: get_account(tx, principal.account_id))
        if not await context.passwords.verify(form.raw("password"), account.password_hash):
            raise SignInRefused("that is not your password", param="password")
        password_hash = await context.passwords.hash(new)
    except DomainError as error:
        return await _show(call, problem_of(error))

    async def work(tx: Transaction) -> None:
        await set_password_hash(tx, principal.account_id, password_hash)
        await session.end_others(tx, principal.account_id, principal.credential_id)

    await context.database.transaction(work)
    return go(PATH, said="password-changed")


async def end_session(call: Call[Fields, Fields]) -> Reply:
    """Signs out another browser."""
    read_form(call)
    account_id, session_id = call.principal.account_id, call.params["session_id"]
    await call.context.database.transaction(lambda tx: session.end(tx, account_id, session_id))
    return go(PATH, said="session-ended")


async def switch(call: Call[Fields, Fields]) -> Reply:
    """The other environment, from the next page on."""
    form, principal = read_form(call), call.principal
    wanted = next((one for one in ENVIRONMENTS if one == form.text("to")), None)
    if wanted is None:
        raise InvalidInput("an environment is staging or live", param="to")
    token = await call.context.database.transaction(
        lambda tx: session.switch(
            tx, principal.account_id, principal.credential_id, environment=wanted
        )
    )
    back = form.text("next")
    response = go(back if is_safe_way(back) else "/dashboard", said=f"environment-{wanted}")
    response.raw_headers.append(set_cookie(token, is_secure=is_secure(call)))
    return response


async def _show(call: Call[Any, Any], problem: Problem) -> Response:
    principal = call.principal

    async def work(tx: Transaction) -> tuple[Account, list[Session]]:
        account = await get_account(tx, principal.account_id)
        return account, await session.list_sessions(tx, account.id, now_us=call.now_us)

    account, sessions = await call.context.database.read(work)
    return page(
        call,
        "account.html",
        status=problem.status,
        account=account,
        sessions=sessions,
        problem=problem,
    )


ROUTES = (
    page_route("GET", "/account", show, "Your account", ACCOUNT_SCOPES),
    page_route("POST", "/account/password", change_password, "Change password", ACCOUNT_SCOPES),
    page_route(
        "POST", "/account/sessions/{session_id}/end", end_session, "End session", ACCOUNT_SCOPES
    ),
    page_route("POST", "/environment", switch, "Switch environment", ACCOUNT_SCOPES),
)
