"""Set up, renew and switch off two-factor sign-in."""

from typing import Any, Final

from starlette.responses import Response

from gateway.dashboard.route import page_route
from gateway.html.forms import NO_PROBLEM, Problem, problem_of, read_form
from gateway.html.phrase import phrase
from gateway.html.qr_code import qr_code
from gateway.html.render import go, page
from gateway.http.acting import note
from gateway.http.own_acts import run_own
from gateway.http.password_again import check_code, check_own, purpose_of, site_of
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError, InvalidInput
from kernel.fields import Fields
from kernel.tenant import Tenant
from keys import second_factor, session
from keys.account import get_account, lock_tenants
from keys.normalise import normalise_name
from keys.principal import ACCOUNT_SCOPES, ScopeMissing, require_owner
from keys.second_factor import SecondFactor
from keys.sign_in import passkey, passkey_challenge
from keys.sign_in.acts import REMOVE_PASSKEY, RENAME_PASSKEY, RENEW_CODES, SWITCH_OFF, SWITCH_ON
from keys.sign_in.passkey_challenge import Site
from store.database import Transaction

PATH: Final = "/dashboard/account/two-factor"


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    require_owner(call.principal)
    return await factor_page(call)


async def begin(call: RequestContext[Fields, Fields]) -> Reply:
    form, account_id = read_form(call), call.principal.account_id
    require_owner(call.principal)
    try:
        await check_own(call, form.raw("password"))
        await call.context.database.transaction(
            lambda tx: second_factor.begin(
                tx, account_id, call.principal.credential_id, now_us=call.now_us
            )
        )
    except DomainError as error:
        return await factor_page(call, problem_of(error))
    return go(PATH)


async def switch_on(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    require_owner(call.principal)
    try:
        made = await run_own(call, SWITCH_ON, {"code": form.text("code")})
    except DomainError as error:
        return await factor_page(call, problem_of(error))
    return _codes_page(call, made["codes"])


async def renew(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    require_owner(call.principal)
    try:
        await check_code(call, call.principal.account_id, form.text("password"))
        made = await run_own(call, RENEW_CODES)
    except DomainError as error:
        return await factor_page(call, problem_of(error))
    return _codes_page(call, made["codes"])


async def switch_off(call: RequestContext[Fields, Fields]) -> Reply:
    form, account_id = read_form(call), call.principal.account_id
    require_owner(call.principal)

    database = call.context.database
    try:
        found = await database.read(lambda tx: second_factor.find(tx, account_id))
        if found is None or found.confirmed_at is None:
            await database.transaction(lambda tx: second_factor.give_up(tx, account_id))
            return go(PATH)
        await check_code(call, account_id, form.text("password"))
        await run_own(call, SWITCH_OFF)
    except DomainError as error:
        return await factor_page(call, problem_of(error))
    return go(PATH, said="factor-off")


def _codes_page(call: RequestContext[Any, Any], codes: list[str]) -> Response:
    return page(call, "recovery_codes.html", codes=codes)


async def factor_page(call: RequestContext[Any, Any], problem: Problem = NO_PROBLEM) -> Response:
    account_id, vault = call.principal.account_id, call.context.vault

    async def work(tx: Transaction) -> tuple[SecondFactor | None, bytes, str]:
        found = await second_factor.find(tx, account_id)
        if found is None or found.confirmed_at is not None:
            return found, b"", ""
        if not found.is_begun_by(call.principal.credential_id):
            return None, b"", ""
        secret = await second_factor.secret_of(tx, vault, found, now_us=call.now_us)
        account = await get_account(tx, account_id)
        return found, secret, account.email or account.name

    found, secret, label = await call.context.database.transaction(work)
    kept = await call.context.database.read(lambda tx: passkey.list_passkeys(tx, account_id))
    address = second_factor.address_of(secret, label) if secret else ""
    return page(
        call,
        "two_factor.html",
        status=problem.status,
        problem=problem,
        factor=found,
        passkeys=kept,
        site=site_of(call),
        secret=second_factor.shown(secret) if secret else "",
        otpauth=address,
        qr=qr_code(address) if address else None,
    )


_ROOT: Final = "/account/two-factor/passkeys"


async def begin_passkey(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    require_owner(call.principal)
    try:
        site = _site(call)
        name = normalise_name(form.text("name"))
        options = await _options(call, site, form.text("password"))
    except DomainError as error:
        return await factor_page(call, problem_of(error))
    return page(call, "passkey_new.html", name=name, passkey=options)


async def add(call: RequestContext[Fields, Fields]) -> Reply:
    form, vault = read_form(call), call.context.vault
    require_owner(call.principal)
    await passkey.load()

    async def work(tx: Transaction) -> None:
        # The cached session may have ended. A passkey added now would outlive it.
        await lock_tenants(tx, [Tenant(call.principal.account_id, "staging")])
        await session.check(tx, call.principal.credential_id)
        made = await passkey.add(
            tx,
            vault,
            _site(call),
            purpose_of(call, "add"),
            form.text("name"),
            form.raw("passkey"),
            now_us=call.now_us,
        )
        after = {"name": made.name}
        await note(tx, call, "passkey.added", made.id, environment="", after=after)

    try:
        await call.context.database.transaction(work)
    except DomainError as error:
        return await factor_page(call, problem_of(error))
    return go(PATH, said="passkey-added")


async def rename(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    ids = {"passkey_id": form.text("passkey_id")}
    try:
        await run_own(call, RENAME_PASSKEY, {"name": form.text("new_name")}, ids)
    except ScopeMissing:
        raise
    except DomainError as error:
        return await factor_page(call, problem_of(error))
    return go(PATH, said="passkey-renamed")


async def remove(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    require_owner(call.principal)
    try:
        await check_code(call, call.principal.account_id, form.text("password"))
        await run_own(call, REMOVE_PASSKEY, ids={"passkey_id": form.text("passkey_id")})
    except DomainError as error:
        return await factor_page(call, problem_of(error))
    return go(PATH, said="passkey-removed")


async def _options(call: RequestContext[Fields, Fields], site: Site, code: str) -> str:
    account_id, database = call.principal.account_id, call.context.database
    existing = await database.transaction(lambda tx: passkey.check_room(tx, account_id))
    await check_code(call, account_id, code)
    account = await database.read(lambda tx: get_account(tx, account_id))
    purpose = purpose_of(call, "add")
    challenge = passkey_challenge.make(call.context.vault, purpose, now_us=call.now_us)
    await passkey.load()
    return passkey.options_to_add(site, account, existing, challenge)


def _site(call: RequestContext[Fields, Fields]) -> Site:
    site = site_of(call)
    if site is None:
        raise InvalidInput(phrase("this gateway's address takes no passkeys"), param="name")
    return site


ROUTES = (
    page_route("GET", "/account/two-factor", show, "Two-factor sign-in", ACCOUNT_SCOPES),
    page_route("POST", "/account/two-factor", begin, "Set up two-factor sign-in", ACCOUNT_SCOPES),
    page_route("POST", "/account/two-factor/on", switch_on, "Turn it on", ACCOUNT_SCOPES),
    page_route("POST", "/account/two-factor/codes", renew, "New recovery codes", ACCOUNT_SCOPES),
    page_route("POST", "/account/two-factor/off", switch_off, "Turn it off", ACCOUNT_SCOPES),
    page_route("POST", _ROOT, begin_passkey, "Add a passkey", ACCOUNT_SCOPES),
    page_route("POST", f"{_ROOT}/add", add, "Keep a passkey", ACCOUNT_SCOPES),
    page_route("POST", f"{_ROOT}/rename", rename, "Rename a passkey", ACCOUNT_SCOPES),
    page_route("POST", f"{_ROOT}/remove", remove, "Remove a passkey", ACCOUNT_SCOPES),
)
