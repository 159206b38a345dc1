"""Verify an account's address with a mailed link.

Mail programs open links, and anyone can type an address. So the address is verified only when the account's
signed-in user presses the button.
"""

from functools import partial
from typing import Any, Final

from starlette.responses import Response

from billing.recipients import account_mail
from billing.topups.rules import ADDRESS_PATH
from gateway.dashboard.account.mailed_link import find_by_link
from gateway.dashboard.route import open_route, page_route
from gateway.html.forms import read_form
from gateway.html.phrase import phrase
from gateway.html.render import go, page
from gateway.http.acting import note
from gateway.http.rate_limit import Allowance, take_one
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.fields import Fields
from kernel.tenant import Tenant
from keys.account import get_account, lock_tenants
from keys.principal import ACCOUNT_SCOPES
from keys.sign_in import email_verification
from keys.sign_in.email_verification import EmailVerification
from store.database import Transaction

ASKED_PER_HOUR: Final = 5  # per user
_ACCOUNT_PATH: Final = "/dashboard/account"


def is_mailed(call: RequestContext[Any, Any], email: str | None) -> bool:
    return account_mail.is_mailed(call.context.topup_rules.mail, email)


_find: Final = partial(find_by_link, kind="address", find=email_verification.find)


async def write_link(
    tx: Transaction, call: RequestContext[Any, Any], account_id: str
) -> EmailVerification | None:
    """Write the email with the link. Do nothing if the address gets no mail or is already verified."""
    await lock_tenants(tx, [Tenant(account_id, "staging")])
    account = await get_account(tx, account_id)
    if not is_mailed(call, account.email):
        return None
    made = await email_verification.begin(tx, account, now_us=call.now_us)
    if made is not None:
        await account_mail.write_verification(tx, made)
    return made


async def request_mail(call: RequestContext[Fields, Fields]) -> Reply:
    read_form(call)
    person_id = call.principal.person_id
    await take_one(
        call.context.limiter,
        f"verify_address:{person_id}",
        Allowance(ASKED_PER_HOUR, 3600),
        phrase("Too many links were requested within an hour. Try again later."),
    )
    made = await call.context.database.transaction(lambda tx: write_link(tx, call, person_id))
    return go(_ACCOUNT_PATH, said="address-not-asked" if made is None else "address-asked")


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    found, token = (
        await _find(call),
        call.params["address_token"],
    )
    way_in = f"/dashboard{ADDRESS_PATH}/{token}"
    return page(call, "verify_address.html", email=found.email, way_in=way_in)


async def confirm(call: RequestContext[Fields, Fields]) -> Reply:
    return await _page(call, await _find(call))


async def verify(call: RequestContext[Fields, Fields]) -> Reply:
    read_form(call)
    found = await _find(call)
    if not _is_theirs(call, found):
        return await _page(call, found)

    async def work(tx: Transaction) -> None:
        await lock_tenants(tx, [Tenant(found.account_id, "staging")])
        used = await email_verification.use(tx, found.id, now_us=call.now_us)
        await note(
            tx,
            call,
            "address.verified",
            used.account_id,
            account_id=used.account_id,
            environment="",
            after={"email": used.email},
        )

    await call.context.database.transaction(work)
    return go(_ACCOUNT_PATH, said="address-verified")


def _is_theirs(call: RequestContext[Any, Any], found: EmailVerification) -> bool:
    return bool(call.principal.person_id == found.account_id)


async def _page(call: RequestContext[Any, Any], found: EmailVerification) -> Response:
    person_id, is_theirs = call.principal.person_id, _is_theirs(call, found)
    person = await call.context.database.read(lambda tx: get_account(tx, person_id))
    return page(
        call,
        "verify_address_press.html",
        status=200 if is_theirs or call.scope["method"] == "GET" else 403,
        email=found.email,
        own_email=person.email,
        token=call.params["address_token"],
        is_theirs=is_theirs,
    )


_LINK: Final = f"{ADDRESS_PATH}/{{address_token}}"
ROUTES = (
    page_route(
        "POST", "/account/address", request_mail, "Ask for a link that verifies", ACCOUNT_SCOPES
    ),
    page_route("GET", _LINK, confirm, "Verify an address", ACCOUNT_SCOPES),
    page_route("POST", _LINK, verify, "Verify an address", ACCOUNT_SCOPES),
)
OPEN_ROUTES = (open_route("GET", _LINK, show, "What a link verifies"),)
