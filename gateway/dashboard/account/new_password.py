"""Reset a forgotten password with a mailed link.

Every request gets the same response in the same time, whether or not the address has an account. Opening the link
changes nothing, because mail programs open links. If a stranger created the account, the address's owner can leave
that account and start a new one.
"""

import asyncio
from functools import partial
from hashlib import sha256
from typing import Any, Final

from starlette.responses import Response

from billing.credits.opening import open_account
from billing.recipients import account_mail
from billing.recipients.account_mail import FORGOT_PATH
from billing.topups.rules import PASSWORD_PATH
from gateway.dashboard.account import sign_in
from gateway.dashboard.account.mailed_link import find_by_link
from gateway.dashboard.route import open_route
from gateway.html.forms import NO_PROBLEM, Form, Problem, problem_of, read_form
from gateway.html.render import go, page
from gateway.http.acting import note
from gateway.http.auth import block_of
from gateway.http.rate_limit import Allowance, RateLimited, take_one
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError, InvalidInput, NotFound
from kernel.fields import Fields
from kernel.tenant import Tenant
from keys import member, second_factor, session
from keys.account import (
    Account,
    find_by_email,
    lock_tenants,
    release_email,
    set_password_hash,
)
from keys.account_access import close_live, suspend, verify_email
from keys.normalise import normalise_email
from keys.sign_in import password_reset
from keys.sign_in.password import check_password
from keys.sign_in.password_reset import PasswordReset
from store.database import Transaction

ASKED_PER_HOUR: Final = 10  # per network address
# How many emails can be requested for one address: from one network, and from all networks.
NETWORK_MAILS_PER_DAY: Final = 3
MAILS_PER_DAY: Final = 10
# Every response takes this long, so its time doesn't show whether the account exists.
ANSWER_S: Final = 0.3
_TOO_MANY: Final = "Too many new passwords were requested from your address. Try again later."
_CHOICES: Final = ("keep", "leave")
_find: Final = partial(find_by_link, kind="password", find=password_reset.find)


async def show_ask(call: RequestContext[Fields, Fields]) -> Reply:
    return _request_page(call, Form({}))


async def request_link(call: RequestContext[Fields, Fields]) -> Reply:
    sign_in.check_own_page(call)
    form = read_form(call)
    loop = asyncio.get_running_loop()
    answer_at = loop.time() + ANSWER_S
    try:
        email = normalise_email(form.text("email"), param="email")
        await take_one(
            call.context.limiter,
            f"password:{block_of(call.address)}",
            Allowance(ASKED_PER_HOUR, 3600),
            _TOO_MANY,
        )
        await _write(call, email)
    except DomainError as error:
        return _request_page(call, form, problem_of(error))
    await asyncio.sleep(answer_at - loop.time())
    return _request_page(call, form, is_asked=True)


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    _, account = await _find(call)
    return await _page(call, account)


async def submit(call: RequestContext[Fields, Fields]) -> Reply:
    sign_in.check_own_page(call)
    form = read_form(call)
    reset, account = await _find(call)
    try:
        is_left = _is_left(call, form, account)
        password = form.raw("password")
        check_password(password)
        password_hash = await call.context.passwords.hash(password, source=block_of(call.address))
        act = _leave if is_left else _change
        await act(call, reset, password_hash)
    except NotFound:
        raise
    except DomainError as error:
        return await _page(call, account, problem_of(error))
    return go("/sign-in", said="password-set")


async def _write(call: RequestContext[Any, Any], email: str) -> None:
    if not account_mail.is_mailed(call.context.topup_rules.mail, email):
        return
    name = sha256(email.encode()).hexdigest()
    try:
        for whose, count in (
            (f"{block_of(call.address)}:{name}", NETWORK_MAILS_PER_DAY),
            (name, MAILS_PER_DAY),
        ):
            await take_one(
                call.context.limiter, f"password_mails:{whose}", Allowance(count, 86_400), ""
            )
    except RateLimited:
        # An error would show that a link had already been requested.
        return

    async def work(tx: Transaction) -> None:
        account = await find_by_email(tx, email)
        if account is None:
            return
        await lock_tenants(tx, [Tenant(account.id, "staging")])
        reset = await password_reset.begin(tx, account, now_us=call.now_us)
        if reset is not None:
            await account_mail.write_password_link(tx, reset)
            await note(
                tx, call, "password.asked", account.id, account_id=account.id, environment=""
            )

    await call.context.database.transaction(work)


async def _change(call: RequestContext[Any, Any], reset: PasswordReset, password_hash: str) -> None:
    """Change the password. Raise NotFound if the link has been used.

    If the account has a second factor, the address stays unverified. An owner without that factor can then use
    another link to leave the account.
    """

    async def work(tx: Transaction) -> None:
        account = await _used(tx, call, reset)
        ended = await password_reset.change_password(
            tx, account.id, password_hash, now_us=call.now_us
        )
        if not await second_factor.is_asked(tx, account.id):
            await verify_email(tx, account.id, now_us=call.now_us)
        after = {"sessions_ended": ended}
        await note(
            tx,
            call,
            "password.changed",
            account.id,
            account_id=account.id,
            environment="",
            after=after,
        )
        rules = call.context.topup_rules.mail
        await account_mail.write_password_changed(tx, rules, account, now_us=call.now_us)

    await call.context.database.transaction(work)


async def _leave(call: RequestContext[Any, Any], reset: PasswordReset, password_hash: str) -> None:
    """Create a new account with the address. The former account keeps everything except the address, the password and
    the teams.
    """

    async def work(tx: Transaction) -> None:
        account = await _used(tx, call, reset)
        await session.end_others(tx, account.id, now_us=call.now_us)
        await password_reset.end_all(tx, account.id)
        await release_email(tx, account.id)
        for team in await member.teams_of(tx, account.id):
            await member.leave(tx, team.account_id, account.id, now_us=call.now_us)
        before = {"email": reset.email}
        await note(
            tx,
            call,
            "address.left",
            account.id,
            account_id=account.id,
            environment="",
            before=before,
        )
        new_id = await open_account(
            tx, name=reset.email, email=reset.email, now_us=call.now_us, has_live=False
        )
        await set_password_hash(tx, new_id, password_hash)
        await verify_email(tx, new_id, now_us=call.now_us)
        await _decide_the_same(tx, account, new_id, now_us=call.now_us)
        before = {"account_id": account.id}
        await note(
            tx, call, "address.taken", new_id, account_id=new_id, environment="", before=before
        )

    await call.context.database.transaction(work)


async def _decide_the_same(tx: Transaction, old: Account, new_id: str, *, now_us: int) -> None:
    """Suspend the new account or close its live environment, if operators did the same to the former one."""
    if old.suspended_at is not None:
        await suspend(tx, new_id, old.suspended_for or "", now_us=now_us)
    if old.live_closed_at is not None:
        await close_live(tx, new_id, now_us=now_us)


async def _used(tx: Transaction, call: RequestContext[Any, Any], reset: PasswordReset) -> Account:
    await lock_tenants(tx, [Tenant(reset.account_id, "staging")])
    _, account = await password_reset.find(tx, reset.id, now_us=call.now_us)
    return account


def _is_left(call: RequestContext[Any, Any], form: Form, account: Account) -> bool:
    if not _may_be_a_strangers(call, account):
        return False
    chosen = form.text("account")
    if chosen not in _CHOICES:
        raise InvalidInput("Choose whether you created the account yourself.", param="account")
    return chosen == "leave"


def _may_be_a_strangers(call: RequestContext[Any, Any], account: Account) -> bool:
    is_unknown = account.email_verified_at is None and account.live_opened_at is None
    return is_unknown and call.context.settings.self_serve_staging


def _request_page(
    call: RequestContext[Any, Any],
    form: Form,
    problem: Problem = NO_PROBLEM,
    *,
    is_asked: bool = False,
) -> Response:
    return page(
        call,
        "forgot_password.html",
        status=problem.status,
        form=form,
        problem=problem,
        is_asked=is_asked,
        is_mailed="live" in call.context.topup_rules.mail.sent_in,
    )


async def _page(
    call: RequestContext[Any, Any], account: Account, problem: Problem = NO_PROBLEM
) -> Response:
    asks_code = await call.context.database.read(lambda tx: second_factor.is_asked(tx, account.id))
    return page(
        call,
        "new_password.html",
        status=problem.status,
        problem=problem,
        account=account,
        token=call.params["password_token"],
        may_be_a_strangers=_may_be_a_strangers(call, account),
        asks_code=asks_code,
    )


_LINK: Final = f"{PASSWORD_PATH}/{{password_token}}"
ROUTES = (
    open_route("GET", FORGOT_PATH, show_ask, "Forgot the password"),
    open_route("POST", FORGOT_PATH, request_link, "Ask for a new password"),
    open_route("GET", _LINK, show, "A new password"),
    open_route("POST", _LINK, submit, "Set a new password"),
)
