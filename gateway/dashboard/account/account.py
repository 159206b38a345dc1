"""Show the user's account page: password, sessions, security log and environment."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from starlette.responses import Response

from billing.accounts.people_acts import CHANGE_OWN_PASSWORD
from billing.documents.acts import DETAILS, SET_DETAILS
from billing.reports.key_limit_acts import LIMIT_DAY, SHOW_LIMITS
from gateway.dashboard.account import notifications
from gateway.dashboard.account.sign_in import is_secure
from gateway.dashboard.act import press
from gateway.dashboard.own_lists import OwnList, Way
from gateway.dashboard.refused import is_safe_way
from gateway.dashboard.route import page_route
from gateway.html.forms import NO_PROBLEM, Problem, problem_of, read_form, read_query
from gateway.html.language import ZONE_COOKIE, cookie_of
from gateway.html.phrase import phrase
from gateway.html.render import go, page
from gateway.http.acting import note
from gateway.http.own_acts import read_own, run_own
from gateway.http.password_again import (
    PasswordRequired,
    asks_code,
    check_own,
    confirm,
    passkey_options,
    purpose_of,
    require_second_factor,
)
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from gateway.http.session_cookie import SignInRefused, set_cookie
from kernel.errors import DomainError, InvalidInput
from kernel.fields import Fields
from kernel.ids import number_of
from keys import session
from keys.account import Account, get_account
from keys.account_access import enter_live
from keys.audit_acts import LIST_ENTRIES
from keys.principal import ACCOUNT_SCOPES, ENVIRONMENTS, require_owner
from keys.session import Session
from keys.sign_in.acts import END_OTHER_SESSIONS, END_SESSION
from keys.sign_in.password import check_password
from store.database import Transaction

PATH: Final = "/dashboard/account"
_YEAR_S: Final = 365 * 86_400


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    return await _show(call, NO_PROBLEM)


async def change_password(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    new = form.raw("new_password")
    require_owner(call.principal)
    try:
        check_password(new, param="new_password")
        await check_own(call, form.raw("password"))
        await _check_factor(call, form.text("code"))
        await run_own(call, CHANGE_OWN_PASSWORD, {"new_password": new})
    except DomainError as error:
        return await _show(call, problem_of(error))
    return go(PATH, said="password-changed")


async def _check_factor(call: RequestContext[Any, Any], given: str) -> None:
    try:
        await require_second_factor(call, given)
    except SignInRefused as error:
        raise SignInRefused(error.detail, param="code") from None


async def end_session(call: RequestContext[Fields, Fields]) -> Reply:
    return await press(call, END_SESSION, then=PATH, said="session-ended")


async def end_other_sessions(call: RequestContext[Fields, Fields]) -> Reply:
    return await press(call, END_OTHER_SESSIONS, then=PATH, said="sessions-ended")


async def show_password_form(call: RequestContext[Fields, Fields]) -> Reply:
    return await _confirm_page(call, read_query(call).text("next"), NO_PROBLEM)


async def confirm_password(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    back = form.text("next")
    try:
        await confirm(call, form.raw("password"), form.raw("passkey"))
    except DomainError as error:
        return await _confirm_page(call, back, problem_of(error))
    return go(back if is_safe_way(back) else "/dashboard", said="password-confirmed")


_LOG: Final = OwnList(
    path="/account/security",
    title=phrase("Security log"),
    above=Way("", PATH, phrase("Account")),
    lead=phrase(
        "Sign-ins, keys, secrets, webhook addresses and connected apps, for the whole account and for"
        " %(environment)s."
    ),
    listed=LIST_ENTRIES,
    empty=phrase("Nothing yet"),
    advice=phrase("Events that concern this account's security are recorded here as they happen."),
    columns=(
        "created_at tail, action lead, actor rest break, address off break, subject_id aside break"
    ),
    leads="",
    template="security_log.html",
)


async def set_zone(call: RequestContext[Fields, Fields]) -> Reply:
    name = read_form(call).text("zone")
    try:
        value = cookie_of(name) if name else ""
    except DomainError as error:
        return await _show(call, problem_of(error))
    response = go(PATH, said="zone-chosen")
    # If the cookie is empty, a script on the next page stores the browser's time zone.
    response.set_cookie(
        ZONE_COOKIE,
        value,
        max_age=_YEAR_S if name else 0,
        secure=is_secure(call),
        samesite="lax",
    )
    return response


async def switch(call: RequestContext[Fields, Fields]) -> Reply:
    form, principal = read_form(call), call.principal
    wanted = next((name for name in ENVIRONMENTS if name == form.text("to")), None)
    if wanted is None:
        raise InvalidInput("Choose staging or live.", param="to")

    async def work(tx: Transaction) -> str:
        if wanted == "live":
            # A team member can switch to the live environment if it is open, but can't open it.
            is_self_serve = principal.colleague is None and call.context.settings.self_serve_live
            is_opened = await enter_live(
                tx, principal.account_id, is_self_serve=is_self_serve, now_us=call.now_us
            )
            if is_opened:
                await note(tx, call, "live.opened", principal.account_id, environment="")
        token = await session.switch(
            tx, principal.person_id, principal.credential_id, environment=wanted
        )
        after = {"environment": wanted}
        await note(
            tx, call, "session.switched", principal.credential_id, environment="", after=after
        )
        return token

    token = await call.context.database.transaction(work)
    back = form.text("next")
    response = go(back if is_safe_way(back) else "/dashboard", said=f"environment-{wanted}")
    response.raw_headers.append(set_cookie(token, is_secure=is_secure(call)))
    return response


async def set_billing(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    body = {name: form.text(name) for name in ("name", "tax_id")}
    try:
        await run_own(call, SET_DETAILS, {**body, "address": form.raw("address")})
    except DomainError as error:
        typed = {name: form.raw(name) for name in ("name", "address", "tax_id")}
        return await _show(call, problem_of(error), typed)
    return go(PATH, said="billing-set")


async def set_limit(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    try:
        await run_own(call, LIMIT_DAY, {"per_day_cents": form.cents("per_day")})
    except PasswordRequired:
        raise
    except DomainError as error:
        return await _show(call, problem_of(error))
    return go(PATH, said="account-limited")


async def _show(
    call: RequestContext[Any, Any], problem: Problem, typed: Mapping[str, str] | None = None
) -> Response:
    principal = call.principal

    async def work(tx: Transaction) -> tuple[Account, list[Session]]:
        account = await get_account(tx, principal.account_id)
        return account, await session.list_sessions(tx, principal.person_id, now_us=call.now_us)

    account, sessions = await call.context.database.read(work)
    billing = typed or await read_own(call, DETAILS)
    limits = await read_own(call, SHOW_LIMITS)
    return page(
        call,
        "account.html",
        status=problem.status,
        account=account,
        user_id=number_of(account.id),
        sessions=sessions,
        billing=billing,
        limits=limits,
        problem=problem,
        **await notifications.shown(call),
    )


async def _confirm_page(call: RequestContext[Any, Any], back: str, problem: Problem) -> Response:
    has_codes = await asks_code(call)
    return page(
        call,
        "confirm.html",
        status=problem.status,
        problem=problem,
        principal=replace(call.principal, asks_code=has_codes),
        passkey=await passkey_options(call, purpose_of(call, "confirm")) if has_codes else "",
        back=back if is_safe_way(back) else "",
    )


ROUTES = (
    page_route("GET", "/confirm", show_password_form, "Give the password again", ACCOUNT_SCOPES),
    page_route("POST", "/confirm", confirm_password, "Give the password again", ACCOUNT_SCOPES),
    _LOG.route(ACCOUNT_SCOPES),
    page_route("GET", "/account", show, "Your account", ACCOUNT_SCOPES),
    page_route("POST", "/account/billing", set_billing, "Set billing details", ACCOUNT_SCOPES),
    page_route("POST", "/account/limits", set_limit, "Limit the account's day", ACCOUNT_SCOPES),
    page_route("POST", "/account/zone", set_zone, "Choose the time zone", ACCOUNT_SCOPES),
    page_route("POST", "/account/password", change_password, "Change password", ACCOUNT_SCOPES),
    page_route(
        "POST", "/account/sessions/{session_id}/end", end_session, "End session", ACCOUNT_SCOPES
    ),
    page_route(
        "POST", "/account/sessions/end", end_other_sessions, "End other sessions", ACCOUNT_SCOPES
    ),
    page_route("POST", "/environment", switch, "Switch environment", ACCOUNT_SCOPES),
)
