"""Let a user approve or refuse a command-line login. Before the decision, the page shows the code to compare, the
machine and the account (RFC 8628, 5.4).
"""

from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response

from gateway.dashboard.route import page_route
from gateway.html.forms import NO_PROBLEM, Form, Problem, problem_of, read_form, read_query
from gateway.html.phrase import phrase
from gateway.html.render import page
from gateway.http.acting import note
from gateway.http.password_again import PasswordRequired, confirm, require_password
from gateway.http.rate_limit import Allowance, take_one
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError, InvalidInput
from kernel.fields import Fields
from kernel.tenant import Tenant
from keys.account import Account, get_account
from keys.principal import ACCOUNT_SCOPES, ENVIRONMENTS, Environment
from keys.tokens import device_login
from keys.tokens.device_login import DeviceLogin, read_user_code, shown
from store.database import Transaction

PATH: Final = "/dashboard/cli"
TRIES: Final = Allowance(30, 900)
# Scopes that allow creating keys, approving sends or seeing other keys' codes aren't preselected.
_CHOSEN: Final = tuple(
    scope
    for scope in ACCOUNT_SCOPES
    if scope not in {"keys:write", "approvals:write", "vouchers:read", "vouchers:redeem"}
)
_LIVES: Final = (
    ("90", phrase("90 days")),
    ("30", phrase("30 days")),
    ("1", phrase("A day")),
    ("", phrase("Until it is revoked")),
)
_UNKNOWN: Final = phrase(
    "no login waits under that code: compare it with the terminal; a code counts for ten minutes, once"
)


@dataclass(frozen=True, slots=True)
class _Found:
    login: DeviceLogin
    user_code: str
    account: Account


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_query(call)
    if not form.text("code"):
        return _code_page(call, form)
    try:
        found = await _find(call, form)
    except DomainError as error:
        return _code_page(call, form, problem_of(error))
    target = [str(call.principal.environment)]
    return _consent_page(
        call, found, Form({"scopes": _CHOSEN, "target": target, "life_days": [_LIVES[0][0]]})
    )


async def decide(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    try:
        found = await _find(call, form)
    except DomainError as error:
        return _code_page(call, form, problem_of(error))
    decision = form.text("decision")
    try:
        if decision == "deny":
            is_done = await call.context.database.transaction(lambda tx: _deny(tx, call, found))
        elif decision == "allow":
            is_done = await _allow(call, form, found)
        else:
            raise InvalidInput(phrase("press Allow or Refuse"), param="decision")
    except PasswordRequired:
        return _consent_page(
            call, found, form, Problem(403, "", {"password": phrase("Live needs it again.")})
        )
    except DomainError as error:
        return _consent_page(call, found, form, problem_of(error))
    if not is_done:
        return _code_page(
            call, form, Problem(409, phrase("It was already decided, or it took too long."))
        )
    return page(call, "cli_login_done.html", is_allowed=decision == "allow", login=found.login)


async def _allow(call: RequestContext[Any, Any], form: Form, found: _Found) -> bool:
    if form.text("is_own") != "1":
        raise InvalidInput(
            phrase("tick it only if you began this login yourself and the codes are the same"),
            param="is_own",
        )
    target = form.text("target")
    if target not in ENVIRONMENTS:
        raise InvalidInput(phrase("choose staging or live"), param="target")
    environment: Environment = "live" if target == "live" else "staging"
    if environment == "live" and form.raw("password"):
        await confirm(call, form.raw("password"))
    await require_password(call, environment=environment)
    life_days, scopes = form.integer("life_days"), form.many("scopes")
    if not call.principal.scopes.issuperset(scopes):
        raise InvalidInput(phrase("your role in this account cannot hand that on"), param="scopes")
    tenant = Tenant(call.principal.account_id, environment)

    async def work(tx: Transaction) -> bool:
        is_done = await device_login.approve(
            tx,
            found.login,
            tenant,
            scopes=scopes,
            life_days=life_days,
            by=call.principal.credential_id,
            now_us=call.now_us,
        )
        if is_done:
            after = {"name": found.login.name, "scopes": scopes, "address": found.login.address}
            subject = call.principal.credential_id
            await note(tx, call, "cli.allowed", subject, environment=environment, after=after)
        return is_done

    return await call.context.database.transaction(work)


async def _deny(tx: Transaction, call: RequestContext[Any, Any], found: _Found) -> bool:
    principal, login = call.principal, found.login
    by = principal.credential_id
    is_done = await device_login.deny(tx, login, principal.account_id, by=by, now_us=call.now_us)
    if is_done:
        after = {"name": login.name, "address": login.address}
        await note(tx, call, "cli.refused", by, environment="", after=after)
    return is_done


async def _find(call: RequestContext[Any, Any], form: Form) -> _Found:
    account_id = call.principal.account_id
    await take_one(
        call.context.limiter,
        f"cli_code:{account_id}",
        TRIES,
        phrase("too many codes were tried; wait a few minutes"),
    )
    user_code = read_user_code(form.text("code"))
    if user_code is None:
        raise InvalidInput(phrase("a code has eight letters, such as BCDF-GHJK"), param="code")

    async def work(tx: Transaction) -> _Found:
        login = await device_login.find_open(tx, user_code, now_us=call.now_us)
        if login is None:
            raise InvalidInput(_UNKNOWN, param="code")
        return _Found(login, user_code, await get_account(tx, account_id))

    return await call.context.database.read(work)


def _code_page(
    call: RequestContext[Any, Any], form: Form, problem: Problem = NO_PROBLEM
) -> Response:
    return page(call, "cli_login_code.html", status=problem.status, form=form, problem=problem)


def _consent_page(
    call: RequestContext[Any, Any], found: _Found, form: Form, problem: Problem = NO_PROBLEM
) -> Response:
    return page(
        call,
        "cli_login.html",
        status=problem.status,
        form=form,
        problem=problem,
        login=found.login,
        user_code=shown(found.user_code),
        is_same_address=found.login.address == str(call.address or ""),
        has_live=found.account.is_live_open,
        scopes=[one for one in ACCOUNT_SCOPES if one in call.principal.scopes],
        lives=_LIVES,
    )


_SCOPES: Final = ("keys:write",)
ROUTES = (
    page_route("GET", "/cli", show, "Sign in to the CLI", _SCOPES),
    page_route("POST", "/cli", decide, "Let a command line in, or not", _SCOPES),
)
