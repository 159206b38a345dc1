"""`topup accounts suspend` and `resume`."""

import click

from billing.recipients import suspension_mail
from cli.acting import tell
from cli.database import account_named
from cli.examples import examples
from cli.operator.supply import in_one
from cli.output import json_option, show_record
from kernel.tenant import Tenant
from keys import suspension
from keys.account import Account, get_account
from runtime.context import Context
from store.database import Transaction


@click.command(
    "suspend",
    epilog=examples(
        'topup accounts suspend ops@acme.example --reason "the card was reported stolen"'
    ),
)
@click.argument("account")
@click.option("--reason", required=True, help="Why; the account's owner reads it.")
@json_option
def suspend(account: str, reason: str) -> None:
    """Stop all that an account spends and makes, at once; it reads, and is paid, as before.

    What it had accepted is still delivered; what it had scheduled fails at its time, with the funds back.
    """

    async def act(context: Context, tx: Transaction, now_us: int) -> Account:
        found = await account_named(account)(tx)
        before = await suspension.suspend(tx, found.id, reason, now_us=now_us)
        after = await get_account(tx, found.id)
        about = {"before": suspension.shown(before), "after": suspension.shown(after)}
        await tell(tx, Tenant(found.id, ""), "account.suspended", found.id, **about)
        if before.suspended_for != after.suspended_for:
            await suspension_mail.write(tx, context.topup_rules.mail, after, now_us=now_us)
        return after

    show_record(_shape(in_one(act)))


@click.command("resume", epilog=examples("topup accounts resume ops@acme.example"))
@click.argument("account")
@json_option
def resume(account: str) -> None:
    """Let a suspended account go on."""

    async def act(context: Context, tx: Transaction, now_us: int) -> Account:
        found = await account_named(account)(tx)
        before = await suspension.resume(tx, found.id)
        after = await get_account(tx, found.id)
        if before.suspended_at is not None:
            about = {"before": suspension.shown(before), "after": suspension.shown(after)}
            await tell(tx, Tenant(found.id, ""), "account.resumed", found.id, **about)
            await suspension_mail.write(tx, context.topup_rules.mail, after, now_us=now_us)
        return after

    show_record(_shape(in_one(act)))


def _shape(account: Account) -> dict[str, str | None]:
    return {"account": account.id, **suspension.shown(account)}
