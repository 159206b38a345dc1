"""Signing in and out, and the look of the pages.

Promises: an address that nobody has, one without a password and a wrong password get the same
answer after the same work; guessing is throttled by the caller's address and by the account's,
known or not; another site cannot sign a browser in here.
"""

import hashlib
from typing import Any, Final

from starlette.responses import Response

from gateway.auth import block_of
from gateway.call import Call
from gateway.fields import Fields
from gateway.limits import take_one
from gateway.pages.form import (
    NO_PROBLEM,
    Form,
    Problem,
    problem_of,
    read_form,
    read_query,
)
from gateway.pages.refused import HOME, is_safe_way
from gateway.pages.render import THEME_COOKIE, THEMES, go, page
from gateway.pages.route import open_route, page_route
from gateway.routing import Reply
from gateway.session_cookie import (
    ForgeryRefused,
    SignInRefused,
    clear_cookie,
    is_foreign,
    is_https,
    read_cookie,
    set_cookie,
)
from kernel.errors import DomainError
from keys import session
from keys.account import Account, find_by_email, lock_scopes
from keys.email_address import InvalidEmail, normalise_email
from keys.principal import ACCOUNT_SCOPES
from store.db import Transaction

PERIOD_S: Final = 900
TRIES_PER_ACCOUNT: Final = 10
TRIES_PER_ADDRESS: Final = 30
_YEAR_S: Final = 31_536_000
_TOO_MANY: Final = "too many sign-ins were tried; wait a few minutes"


async def show(call: Call[Fields, Fields]) -> Reply:
    """The sign-in form."""
    back = read_query(call).text("next")
    return form_page(call, Form({"next": [back if is_safe_way(back) else ""]}))


async def submit(call: Call[Fields, Fields]) -> Reply:
    """A session, or the form again."""
    check_own_page(call)
    form = read_form(call)
    email, password = form.text("email"), form.raw("password")
    try:
        await throttle(call, email)
        account = await _find(call, email)
        kept = None if account is None else account.password_hash
        is_right = await call.context.passwords.verify(password, kept)
        if account is None or not is_right:
            raise SignInRefused("the address and the password do not match")
    except DomainError as error:
        return form_page(call, form, problem_of(error))
    back = form.text("next")
    response = go(back if is_safe_way(back) else HOME)
    await _begin_session(call, account, response)
    return response


async def sign_out(call: Call[Fields, Fields]) -> Reply:
    """Ends this session."""
    principal = call.principal
    await call.context.database.transaction(
        lambda tx: session.end(tx, principal.account_id, principal.credential_id)
    )
    response = go("/sign-in", said="signed-out")
    response.raw_headers.append(clear_cookie(is_secure=is_secure(call)))
    return response


async def set_theme(call: Call[Fields, Fields]) -> Reply:
    """Light, dark, or as the system has it; kept in this browser only."""
    form = read_form(call)
    back = form.text("next")
    response = go(back if is_safe_way(back) else "/")
    chosen = form.text("theme")
    age_s = _YEAR_S if chosen in THEMES else 0
    value = chosen if chosen in THEMES else ""
    response.set_cookie(THEME_COOKIE, value, max_age=age_s, httponly=True, samesite="lax")
    return response


def form_page(
    call: Call[Any, Any], form: Form, problem: Problem = NO_PROBLEM, *, told: str = ""
) -> Response:
    """The sign-in form, with what was typed but the password."""
    return page(
        call,
        "sign_in.html",
        status=problem.status,
        form=form,
        problem=problem,
        told=told,
        may_sign_up=call.context.settings.self_serve_staging,
    )


def check_own_page(call: Call[Any, Any]) -> None:
    """For forms before there is a session; raises ForgeryRefused for another site's page."""
    if is_foreign(call.scope, call.headers, call.context.settings):
        raise ForgeryRefused("this form did not come from a page of this gateway", reason="forgery")


async def throttle(call: Call[Any, Any], email: str) -> None:
    """One try of the caller's and of the account's; raises RateLimited."""
    limiter = call.context.limiter
    try:
        known_as = normalise_email(email)
    except InvalidEmail:
        known_as = ""
    name = hashlib.sha256(known_as.encode()).hexdigest()[:32]
    for key, count in (
        (f"signin:{block_of(call.address)}", TRIES_PER_ADDRESS),
        (f"signin:{name}", TRIES_PER_ACCOUNT),
    ):
        await take_one(limiter, key, count=count, period_s=PERIOD_S, detail=_TOO_MANY)


def is_secure(call: Call[Any, Any]) -> bool:
    return is_https(call.scope, call.context.settings)


async def _find(call: Call[Any, Any], email: str) -> Account | None:
    try:
        return await call.context.database.read(lambda tx: find_by_email(tx, email))
    except InvalidEmail:
        return None


async def _begin_session(call: Call[Any, Any], account: Account, response: Response) -> None:
    secure = is_secure(call)
    before = read_cookie(call.headers, is_secure=secure)
    user_agent = call.headers.get(b"user-agent", b"").decode("latin-1")

    async def work(tx: Transaction) -> str:
        await lock_scopes(tx, [(account.id, "staging")])
        if before is not None:
            await session.end_of_token(tx, before)
        _, token = await session.begin(
            tx, account_id=account.id, user_agent=user_agent, now_us=call.now_us
        )
        return token

    token = await call.context.database.transaction(work)
    response.raw_headers.append(set_cookie(token, is_secure=secure))


ROUTES = (
    open_route("GET", "/sign-in", show, "Sign in"),
    open_route("POST", "/sign-in", submit, "Sign in"),
    open_route("POST", "/theme", set_theme, "Choose light or dark"),
)
DASHBOARD_ROUTES = (page_route("POST", "/sign-out", sign_out, "Sign out", ACCOUNT_SCOPES),)
