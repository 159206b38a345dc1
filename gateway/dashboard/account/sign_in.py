"""Sign users in and out, and store their theme and language.

An unknown address and a wrong password get the same response after the same work. Guesses don't lock out the owner,
because each address or known device has its own limit.
"""

import hashlib
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from billing.topups.rules import SIGN_IN_LINK_PATH
from gateway.dashboard.account.mailed_link import find_by_link
from gateway.dashboard.refused import HOME, is_safe_way
from gateway.dashboard.route import open_route, page_route
from gateway.html.forms import NO_PROBLEM, Form, Problem, problem_of, read_form, read_query
from gateway.html.language import LANGUAGE_COOKIE, page_languages
from gateway.html.render import THEME_COOKIE, THEMES, go, page
from gateway.http.acting import note
from gateway.http.auth import block_of, is_traced
from gateway.http.password_again import STRANGER, check_code, check_passkey, passkey_options
from gateway.http.rate_limit import Allowance, take_one
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from gateway.http.session_cookie import (
    ForgeryRefused,
    SignInRefused,
    clear_cookie,
    device_cookie,
    is_foreign,
    is_https,
    known_device,
    read_cookie,
    set_cookie,
)
from kernel.clock import MINUTE_US
from kernel.errors import DomainError, InvalidInput, NotFound
from kernel.fields import Fields
from kernel.tenant import Tenant
from keys import second_factor, session
from keys.account import Account, find_by_email, get_account, lock_tenants
from keys.member import teams_of
from keys.normalise import InvalidEmail, normalise_email
from keys.principal import ACCOUNT_SCOPES
from keys.sign_in import sign_in_link
from keys.sign_in.passkey_challenge import Purpose
from store.database import Transaction

TRIES_PER_ADDRESS: Final = (30, 900)  # (tries, seconds)
# The tries allowed for one account from one address or known device: (tries, seconds).
TRIES: Final = ((10, 900), (20, 21_600), (40, 172_800))
REFUSALS_LOGGED_PER_HOUR: Final = 60  # per account
TICKET_US: Final = 5 * MINUTE_US
_TICKET: Final = "sign-in"
_YEAR_S: Final = 31_536_000
_TOO_MANY: Final = "too many sign-ins were tried; wait a few minutes"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedPerson:
    """`password_hash` is the hash that was checked. If a sign-in link from `topup dev` replaced the password, `link_id`
    is the link's ID.
    """

    account_id: str
    email: str
    password_hash: str | None
    is_code_given: bool = False
    link_id: str | None = None


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    back = read_query(call).text("next")
    return form_page(call, Form({"next": [back if is_safe_way(back) else ""]}))


async def submit(call: RequestContext[Fields, Fields]) -> Reply:
    check_own_page(call)
    form = read_form(call)
    email, password = form.text("email"), form.raw("password")
    try:
        device = await _throttle(call, email)
        account = await _find(call, email)
        kept = None if account is None else account.password_hash
        is_right = await call.context.passwords.verify(
            password,
            kept,
            source=f"device:{device}" if device else block_of(call.address),
            is_known=device is not None,
        )
        if account is None or not is_right:
            await _note_refusal(call, account)
            raise SignInRefused("The email address or password is incorrect.")
    except DomainError as error:
        return form_page(call, form, problem_of(error))
    if await _asks_code(call, account):
        return await _code_page(call, form, account, _ticket(call, account))
    person = CheckedPerson(account_id=account.id, email=email, password_hash=account.password_hash)
    return await _in_or_again(call, form, person)


async def submit_code(call: RequestContext[Fields, Fields]) -> Reply:
    check_own_page(call)
    form = read_form(call)
    ticket = form.raw("ticket")
    account = await _of_ticket(call, ticket)
    if account is None or account.email is None:
        expired = Problem(403, "That took too long: sign in again.")
        return form_page(call, Form({"next": [form.text("next")]}), expired)
    device = known_device(call.headers, call.context.vault, _name_of(account.email))
    source, answer = device or STRANGER, form.raw("passkey")
    try:
        if answer:
            purpose = Purpose("sign-in", account.id, ticket)
            await check_passkey(call, purpose, answer, source=source)
        else:
            await check_code(call, account.id, form.text("password"), source=source)
    except DomainError as error:
        return await _code_page(call, form, account, ticket, problem_of(error))
    person = CheckedPerson(
        account_id=account.id,
        email=account.email,
        password_hash=account.password_hash,
        is_code_given=True,
    )
    return await _in_or_again(call, form, person)


async def sign_out(call: RequestContext[Fields, Fields]) -> Reply:
    principal = call.principal

    async def work(tx: Transaction) -> None:
        person_id, session_id = principal.person_id, principal.credential_id
        await session.end(tx, person_id, session_id)
        await note(tx, call, "session.ended", session_id, account_id=person_id, environment="")

    await call.context.database.transaction(work)
    response = go("/sign-in", said="signed-out")
    response.raw_headers.append(clear_cookie(is_secure=is_secure(call)))
    response.headers["clear-site-data"] = '"cache"'
    return response


async def set_theme(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    back = form.text("next")
    response = go(back if is_safe_way(back) else "/")
    chosen = form.text("theme")
    age_s = _YEAR_S if chosen in THEMES else 0
    value = chosen if chosen in THEMES else ""
    response.set_cookie(THEME_COOKIE, value, max_age=age_s, httponly=True, samesite="lax")
    return response


async def set_language(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    back, chosen = form.text("next"), form.text("language")
    if chosen not in page_languages():
        raise InvalidInput("Choose one of the languages offered.", param="language")
    response = go(back if is_safe_way(back) else "/sign-in")
    response.set_cookie(LANGUAGE_COOKIE, chosen, max_age=_YEAR_S, httponly=True, samesite="lax")
    return response


async def signed_in(
    call: RequestContext[Any, Any],
    form: Form,
    person: CheckedPerson,
    *,
    said: str | None = None,
) -> Response:
    """Begin a session and redirect. `said` names the notice on the home page."""
    back = form.text("next")
    response = go(back) if is_safe_way(back) else go(HOME, said=said)
    await begin_session(call, person, response)
    return response


async def _in_or_again(
    call: RequestContext[Any, Any], form: Form, person: CheckedPerson
) -> Response:
    try:
        return await signed_in(call, form, person)
    except SignInRefused as error:
        return form_page(call, form, problem_of(error))


def form_page(
    call: RequestContext[Any, Any], form: Form, problem: Problem = NO_PROBLEM, *, notice: str = ""
) -> Response:
    return page(
        call,
        "sign_in.html",
        status=problem.status,
        form=form,
        problem=problem,
        notice=notice,
        may_sign_up=call.context.settings.self_serve_staging,
    )


def check_own_page(call: RequestContext[Any, Any]) -> None:
    """Raise ForgeryRefused if another site sent the form. Pages without a session use this check."""
    if is_foreign(call.scope, call.headers, call.context.settings):
        raise ForgeryRefused(
            "This form didn't come from a page of this gateway. Reload the page and try again.",
            reason="forgery",
        )


async def _asks_code(call: RequestContext[Any, Any], account: Account) -> bool:
    account_id = account.id
    return await call.context.database.read(lambda tx: second_factor.is_asked(tx, account_id))


async def _code_page(
    call: RequestContext[Any, Any],
    form: Form,
    account: Account,
    ticket: str,
    problem: Problem = NO_PROBLEM,
) -> Response:
    return page(
        call,
        "sign_in_code.html",
        status=problem.status,
        problem=problem,
        ticket=ticket,
        passkey=await passkey_options(call, Purpose("sign-in", account.id, ticket)),
        back=form.text("next"),
    )


def _ticket(call: RequestContext[Any, Any], account: Account) -> str:
    said = f"{account.id}.{call.now_us}.{_print_of(account)}"
    return f"{said}.{call.context.vault.sign(said, purpose=_TICKET)}"


async def _of_ticket(call: RequestContext[Any, Any], ticket: str) -> Account | None:
    """Return the account whose password was checked. Return None if the ticket expired or the password
    changed.
    """
    said, _, proof = ticket.rpartition(".")
    if not call.context.vault.is_signed(said, proof, purpose=_TICKET):
        return None
    account_id, at, of_password = said.split(".")
    if not 0 <= call.now_us - int(at) < TICKET_US:
        return None
    try:
        account = await call.context.database.read(lambda tx: get_account(tx, account_id))
    except NotFound:
        return None
    return account if _print_of(account) == of_password else None


def _print_of(account: Account) -> str:
    return hashlib.sha256((account.password_hash or "").encode()).hexdigest()[:32]


async def _throttle(call: RequestContext[Any, Any], email: str) -> str | None:
    """Count a try before reading anything. Raise RateLimited after too many tries. Return the ID of a known device, or
    None.
    """
    context, block, name = call.context, block_of(call.address), _name_of(email)
    device = known_device(call.headers, context.vault, name)
    buckets = [
        (f"signin:{device or block}:{name}:{period_s}", count, period_s)
        for count, period_s in TRIES
    ]
    if device is None:
        buckets.insert(0, (f"signin:{block}", *TRIES_PER_ADDRESS))
    for key, count, period_s in buckets:
        await take_one(context.limiter, key, Allowance(count, period_s), _TOO_MANY)
    return device


def _name_of(email: str) -> str:
    try:
        known_as = normalise_email(email)
    except InvalidEmail:
        known_as = ""
    return hashlib.sha256(known_as.encode()).hexdigest()[:32]


async def _note_refusal(call: RequestContext[Any, Any], account: Account | None) -> None:
    if account is None:
        return
    account_id, limiter = account.id, call.context.limiter
    per_s = REFUSALS_LOGGED_PER_HOUR / 3600
    allowed = await limiter.take(f"signinlog:{account_id}", per_s, REFUSALS_LOGGED_PER_HOUR)
    if allowed.allowed:
        await call.context.database.transaction(
            lambda tx: note(
                tx,
                call,
                "session.begun",
                account_id,
                account_id=account_id,
                environment="",
                outcome="refused",
            )
        )


def is_secure(call: RequestContext[Any, Any]) -> bool:
    return is_https(call.scope, call.context.settings)


async def _find(call: RequestContext[Any, Any], email: str) -> Account | None:
    try:
        return await call.context.database.read(lambda tx: find_by_email(tx, email))
    except InvalidEmail:
        return None


async def begin_session(
    call: RequestContext[Any, Any], person: CheckedPerson, response: Response
) -> None:
    """Begin a session and set its cookies.

    Raise SignInRefused if the password changed after the check, or a second factor became necessary. Raise NotFound if
    the link has been used.
    """
    account_id = person.account_id
    secure = is_secure(call)
    before = read_cookie(call.headers, is_secure=secure)
    user_agent = call.headers.get(b"user-agent", b"").decode("latin-1")

    async def work(tx: Transaction) -> str:
        await lock_tenants(tx, [Tenant(account_id, "staging")])
        if (await get_account(tx, account_id)).password_hash != person.password_hash:
            raise SignInRefused("The password was just changed. Sign in with the new one.")
        if not person.is_code_given and await second_factor.lock_on(tx, account_id):
            raise SignInRefused("Two-factor sign-in was just switched on. Sign in again.")
        if person.link_id is not None:
            await sign_in_link.use(tx, person.link_id, now_us=call.now_us)
        if before is not None:
            await session.end_of_token(tx, before)
        chosen = [one.account_id for one in await teams_of(tx, account_id) if one.is_chosen]
        begun, token = await session.begin(
            tx,
            account_id=account_id,
            user_agent=user_agent,
            now_us=call.now_us,
            acts_for=chosen[0] if chosen else None,
        )
        await note(tx, call, "session.begun", begun.id, account_id=account_id, environment="")
        return token

    token = await call.context.database.transaction(work)
    device = device_cookie(call.context.vault, _name_of(person.email), is_secure=secure)
    response.raw_headers += (set_cookie(token, is_secure=secure), device)


DASHBOARD_ROUTES = (page_route("POST", "/sign-out", sign_out, "Sign out", ACCOUNT_SCOPES),)


async def show_link(call: RequestContext[Fields, Fields]) -> Reply:
    _, account = await _find_link(call)
    return _page(call, account)


async def use_link(call: RequestContext[Fields, Fields]) -> Reply:
    check_own_page(call)
    form = read_form(call)
    link_id, account = await _find_link(call)
    person = CheckedPerson(
        account_id=account.id,
        email=account.email or "",
        password_hash=account.password_hash,
        link_id=link_id,
    )
    try:
        return await signed_in(call, form, person)
    except SignInRefused as error:
        return _page(call, account, problem_of(error))


async def _find_link(call: RequestContext[Any, Any]) -> tuple[str, Account]:
    """Return the link and its account. Raise the same NotFound for an invalid link and for a caller on
    another machine.
    """

    async def find(tx: Transaction, link_id: str, *, now_us: int) -> tuple[str, Account]:
        if not _is_this_machine(call):
            raise NotFound("Link")
        return link_id, await sign_in_link.find(tx, link_id, now_us=now_us)

    return await find_by_link(call, "sign_in", find)


def _is_this_machine(call: RequestContext[Any, Any]) -> bool:
    settings, address = call.context.settings, call.address
    if not settings.is_loopback or address is None or not address.is_loopback:
        return False
    return is_traced(Request(call.scope), settings.trusted_proxies)


def _page(
    call: RequestContext[Any, Any], account: Account, problem: Problem = NO_PROBLEM
) -> Response:
    return page(
        call,
        "sign_in_link.html",
        status=problem.status,
        problem=problem,
        account=account,
        token=call.params["sign_in_token"],
    )


_LINK: Final = f"{SIGN_IN_LINK_PATH}/{{sign_in_token}}"


ROUTES = (
    open_route("GET", "/sign-in", show, "Sign in"),
    open_route("POST", "/sign-in", submit, "Sign in"),
    open_route("POST", "/sign-in/code", submit_code, "Enter your sign-in code"),
    open_route("POST", "/theme", set_theme, "Choose light or dark"),
    open_route("POST", "/language", set_language, "Choose the language of the pages"),
    open_route("GET", _LINK, show_link, "Sign in by the link of topup dev"),
    open_route("POST", _LINK, use_link, "Sign in by the link of topup dev"),
)
