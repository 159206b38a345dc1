"""Where an owner ends one kind of mail about their account, and allows it again, without signing in.

Promises: looking changes nothing; a link changes one kind of mail of one account, and nothing else of it; each
change is in the account's security log.
"""

from typing import Any

from gateway.dashboard.recipient.page import language_of, masked, recipient_page, throttle
from gateway.http.acting import note
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import NotFound
from keys.account import Account, get_account
from keys.mail_choice import MailChoice, choose_mail, mail_language, wanted_mail
from store.database import Transaction


async def show(call: RequestContext[Any, Any], account_id: str, choice: MailChoice) -> Reply:
    """Whether mail of the kind goes there, and the button that changes it."""
    return await _act(call, account_id, choice, is_on=None)


async def change(
    call: RequestContext[Any, Any], account_id: str, choice: MailChoice, *, is_on: bool
) -> Reply:
    """Switches mail of the kind on or off; pressed twice, it stays as it is."""
    return await _act(call, account_id, choice, is_on=is_on)


async def _act(
    call: RequestContext[Any, Any], account_id: str, choice: MailChoice, *, is_on: bool | None
) -> Reply:
    """The page, after the change if there is one. Raises NotFound, RateLimited."""
    await throttle(call)

    async def work(tx: Transaction) -> tuple[str, str | None, bool]:
        address = _address(await get_account(tx, account_id))
        was_on = getattr(await wanted_mail(tx, account_id), choice)
        if is_on is not None and is_on != was_on:
            await _switch(tx, call, account_id, choice, is_on=is_on)
        return address, await mail_language(tx, account_id), was_on if is_on is None else is_on

    database = call.context.database
    done = database.read(work) if is_on is None else database.transaction(work)
    address, locale, is_wanted = await done
    return recipient_page(
        call,
        "owner_no_mail.html",
        language_of(call, locale),
        choice=choice,
        is_wanted=is_wanted,
        mailbox=masked(address),
    )


async def _switch(
    tx: Transaction,
    call: RequestContext[Any, Any],
    account_id: str,
    choice: MailChoice,
    *,
    is_on: bool,
) -> None:
    await choose_mail(tx, account_id, choice, is_on=is_on, now_us=call.now_us)
    after = {f"{choice}_mail": "on" if is_on else "off"}
    await note(
        tx, call, "mail.changed", account_id, account_id=account_id, environment="", after=after
    )


def _address(account: Account) -> str:
    """Raises NotFound, as for a link that was never given out: nobody reads mail of this account."""
    if account.email is None:
        raise NotFound("Page")
    return account.email
