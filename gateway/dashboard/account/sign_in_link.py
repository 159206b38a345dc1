"""Sign the operator of `topup dev` in by the printed link. The page exists for this machine only, at a
gateway that listens on loopback.
"""

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from billing.topups.rules import SIGN_IN_LINK_PATH
from gateway.dashboard.account import sign_in
from gateway.dashboard.account.sign_in import CheckedPerson
from gateway.dashboard.route import open_route
from gateway.html.forms import NO_PROBLEM, Problem, problem_of, read_form
from gateway.html.render import page
from gateway.http.auth import block_of
from gateway.http.caller import is_traced
from gateway.http.rate_limit import take_one
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from gateway.http.session_cookie import SignInRefused
from kernel.errors import NotFound
from kernel.fields import Fields
from keys.account import Account
from keys.sign_in import sign_in_link

TRIES: Final = (60, 900)  # links of one network address, in so many seconds


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    _, account = await _find(call)
    return _page(call, account)


async def submit(call: RequestContext[Fields, Fields]) -> Reply:
    sign_in.check_own_page(call)
    form = read_form(call)
    link_id, account = await _find(call)
    person = CheckedPerson(
        account_id=account.id,
        email=account.email or "",
        password_hash=account.password_hash,
        link_id=link_id,
    )
    try:
        return await sign_in.signed_in(call, form, person)
    except SignInRefused as error:
        return _page(call, account, problem_of(error))


async def _find(call: RequestContext[Any, Any]) -> tuple[str, Account]:
    """Raise the same NotFound for each invalid link and other caller, and RateLimited."""
    count, period_s = TRIES
    await take_one(
        call.context.limiter,
        f"sign_in_link:{block_of(call.address)}",
        count=count,
        period_s=period_s,
        detail="Too many links were tried. Wait a few minutes.",
    )
    link_id = call.context.topup_rules.links.id_of("sign_in", call.params["sign_in_token"])
    if link_id is None or not _is_this_machine(call):
        raise NotFound("Link")
    account = await call.context.database.read(
        lambda tx: sign_in_link.find(tx, link_id, now_us=call.now_us)
    )
    return link_id, account


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
    open_route("GET", _LINK, show, "Sign in by the link of topup dev"),
    open_route("POST", _LINK, submit, "Sign in by the link of topup dev"),
)
