"""Add, rename and remove passkeys. Adding and removing take a code."""

from collections.abc import Awaitable, Callable
from typing import Final

from starlette.responses import Response

from gateway.dashboard.account.two_factor import PATH, factor_page
from gateway.dashboard.route import page_route
from gateway.html.forms import problem_of, read_form
from gateway.html.phrase import phrase
from gateway.html.render import go, page
from gateway.http.acting import note
from gateway.http.password_again import check_code, purpose_of, site_of
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError, InvalidInput
from kernel.fields import Fields
from keys.account import get_account
from keys.normalise import normalise_name
from keys.principal import ACCOUNT_SCOPES, require_owner
from keys.sign_in import passkey, passkey_challenge
from keys.sign_in.passkey_challenge import Site
from store.database import Transaction

_ROOT: Final = "/account/two-factor/passkeys"


async def begin(call: RequestContext[Fields, Fields]) -> Reply:
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

    return await _done(call, work, "passkey-added")


async def rename(call: RequestContext[Fields, Fields]) -> Reply:
    form, account_id = read_form(call), call.principal.account_id
    require_owner(call.principal)

    async def work(tx: Transaction) -> None:
        passkey_id, name = form.text("passkey_id"), form.text("new_name")
        await passkey.rename(tx, account_id, passkey_id, name)
        after = {"name": name}
        await note(tx, call, "passkey.renamed", passkey_id, environment="", after=after)

    return await _done(call, work, "passkey-renamed")


async def remove(call: RequestContext[Fields, Fields]) -> Reply:
    form, account_id = read_form(call), call.principal.account_id
    require_owner(call.principal)

    async def work(tx: Transaction) -> None:
        passkey_id = form.text("passkey_id")
        await passkey.remove(tx, account_id, passkey_id)
        await note(tx, call, "passkey.removed", passkey_id, environment="")

    try:
        await check_code(call, account_id, form.text("password"))
    except DomainError as error:
        return await factor_page(call, problem_of(error))
    return await _done(call, work, "passkey-removed")


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


async def _done(
    call: RequestContext[Fields, Fields], work: Callable[[Transaction], Awaitable[None]], said: str
) -> Response:
    try:
        await call.context.database.transaction(work)
    except DomainError as error:
        return await factor_page(call, problem_of(error))
    return go(PATH, said=said)


ROUTES = (
    page_route("POST", _ROOT, begin, "Add a passkey", ACCOUNT_SCOPES),
    page_route("POST", f"{_ROOT}/add", add, "Keep a passkey", ACCOUNT_SCOPES),
    page_route("POST", f"{_ROOT}/rename", rename, "Rename a passkey", ACCOUNT_SCOPES),
    page_route("POST", f"{_ROOT}/remove", remove, "Remove a passkey", ACCOUNT_SCOPES),
)
