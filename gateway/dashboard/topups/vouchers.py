"""Look up and redeem vouchers, and list recipients' wallets."""

from typing import Any, Final

from starlette.responses import Response

from billing.reports.balance_acts import WALLETS
from billing.topups.acts import LIST as TOPUPS
from billing.topups.voucher_redemption import REDEEM, SHOW
from gateway.dashboard.listing import Summed
from gateway.dashboard.own_lists import OwnList, Way
from gateway.dashboard.route import page_route
from gateway.html.forms import NO_PROBLEM, Form, Problem, problem_of, read_form, read_query
from gateway.html.phrase import phrase
from gateway.html.render import page
from gateway.http.own_acts import list_own, read_own, run_own
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError
from kernel.fields import Fields

_READ = ("topup:read",)


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    asked = read_query(call)
    code = asked.text("code")
    if not code:
        return await _vouchers_page(call, asked)
    try:
        found = await read_own(call, SHOW, {"code": code})
    except DomainError as error:
        return await _vouchers_page(call, asked, problem_of(error))
    return await _vouchers_page(call, asked, voucher=found)


async def redeem(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    body = {"code": form.text("code"), "settle": form.text("settle") or "wallet"}
    try:
        done = await run_own(call, REDEEM, body)
    except DomainError as error:
        return await _vouchers_page(call, form, problem_of(error))
    return await _vouchers_page(call, form, voucher=done, is_redeemed=True)


async def _vouchers_page(
    call: RequestContext[Any, Any],
    form: Form,
    problem: Problem = NO_PROBLEM,
    *,
    voucher: dict[str, Any] | None = None,
    is_redeemed: bool = False,
) -> Response:
    issued = await list_own(call, TOPUPS, {"status": "delivered", "limit": 20})
    return page(
        call,
        "vouchers.html",
        status=problem.status,
        form=form,
        problem=problem,
        voucher=voucher,
        is_redeemed=is_redeemed,
        issued=issued.items,
    )


_WALLETS: Final = OwnList(
    path="/wallets",
    title=phrase("Recipients' wallets"),
    lead=phrase("The balances of your top-ups' recipients, by platform."),
    listed=WALLETS,
    empty=phrase("No wallets yet"),
    advice=phrase("A recipient's first top-up creates their wallet."),
    columns="recipient_email lead break, platform, balance_cents tail number, updated_at",
    own="/dashboard/topups?recipient_email=",
    leads="recipient_email",
    filters=("recipient_email", "platform"),
    summed=Summed("balance_cents"),
    ways=(Way("topup:send", "/dashboard/send", phrase("Send a top-up")),),
)
ROUTES = (
    page_route("GET", "/vouchers", show, "Vouchers", _READ),
    page_route("POST", "/vouchers", redeem, "Redeem a voucher", ("topup:send", "vouchers:redeem")),
    _WALLETS.route(),
)
