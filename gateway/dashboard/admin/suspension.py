"""Suspending an account and resuming it, from its page at the operators'."""

from typing import Any, Final

from billing.recipients import suspension_mail
from gateway.dashboard.admin.accounts import PATH, account_page
from gateway.dashboard.admin.fields import admin_route, tell_account
from gateway.html.forms import problem_of, read_form
from gateway.html.render import go
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError
from kernel.fields import Fields
from keys import suspension
from keys.account import Account, get_account
from store.database import Transaction

_ACCOUNT: Final = "/accounts/{account_id}"


async def suspend(call: RequestContext[Fields, Fields]) -> Reply:
    """Stops all that the account spends and makes; its owner reads why."""
    form, account_id = read_form(call), call.params["account_id"]

    async def work(tx: Transaction) -> None:
        reason = form.text("suspend_reason")
        before = await suspension.suspend(tx, account_id, reason, now_us=call.now_us)
        await _tell(tx, call, "account.suspended", before)

    try:
        await call.context.database.transaction(work)
    except DomainError as error:
        return await account_page(call, form, problem_of(error))
    return go(f"{PATH}/{account_id}", said="account-suspended")


async def resume(call: RequestContext[Fields, Fields]) -> Reply:
    """Lets the account go on."""
    read_form(call)
    account_id = call.params["account_id"]

    async def work(tx: Transaction) -> None:
        before = await suspension.resume(tx, account_id)
        await _tell(tx, call, "account.resumed", before)

    await call.context.database.transaction(work)
    return go(f"{PATH}/{account_id}", said="account-resumed")


async def _tell(
    tx: Transaction, call: RequestContext[Any, Any], action: str, before: Account
) -> None:
    """The account's log and its owner, where something changed."""
    after = await get_account(tx, before.id)
    if before.suspended_for == after.suspended_for:
        return
    about = {"before": suspension.shown(before), "after": suspension.shown(after)}
    await tell_account(tx, call, before.id, action, **about)
    await suspension_mail.write(tx, call.context.topup_rules.mail, after, now_us=call.now_us)


ROUTES = (
    admin_route("POST", f"{_ACCOUNT}/suspend", suspend, "Suspend the account"),
    admin_route("POST", f"{_ACCOUNT}/resume", resume, "Let the account go on"),
)
