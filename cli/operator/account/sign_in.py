"""`topup accounts password`, `members`, `two-factor`: how people get in."""

import secrets
from functools import partial

import click

from cli.acting import tell
from cli.database import account_named, read, write
from cli.examples import examples
from cli.operator.supply import in_one
from cli.output import json_option, run, show_record, show_rows
from kernel.clock import SystemClock, rfc3339
from kernel.errors import InvalidInput
from kernel.tenant import Tenant
from keys import second_factor
from keys.account import lock_tenants
from keys.member import Member, list_members
from keys.sign_in import password_reset
from keys.sign_in.password import check_password, hash_password
from runtime.context import Context
from store.database import Transaction


@click.command(
    "password",
    epilog=examples(
        "topup accounts password ops@acme.example",
        "topup accounts password ops@acme.example --generate",
        "topup accounts password ops@acme.example --link",
    ),
)
@click.argument("account")
@click.option("--generate", is_flag=True, help="Make one and print it, this once.")
@click.option("--link", is_flag=True, help="Print a link that sets one, once, within an hour.")
@json_option
def password(account: str, generate: bool, link: bool) -> None:  # noqa: FBT001
    """Set the password that signs in to the dashboard; signs the account out everywhere.

    Asked for without showing it, unless --generate; it is never an argument, which others could see. With --link
    nothing changes yet: hand the link to the owner, who chooses the password. Make sure that it is they who ask.
    """
    if link and generate:
        raise InvalidInput("give --generate or --link", param="link")
    if link:
        show_record(in_one(partial(_password_link, account)))
        return
    if generate:
        new = secrets.token_urlsafe(15)
    else:
        new = click.prompt("New password", hide_input=True, confirmation_prompt=True, err=True)
    run(_set_password(account, new))
    show_record({"account": account, "password": new} if generate else {"account": account})


async def _password_link(
    account: str, context: Context, tx: Transaction, now_us: int
) -> dict[str, str]:
    found = await account_named(account)(tx)
    await lock_tenants(tx, [Tenant(found.id, "staging")])
    reset = await password_reset.begin(tx, found, now_us=now_us)
    if reset is None:
        raise InvalidInput(
            "the account has no email address to sign in with, or ten links that nobody used yet",
            param="account",
        )
    await tell(tx, Tenant(found.id, ""), "password.asked", found.id)
    url = context.topup_rules.password_url(reset.id)
    return {"account": found.id, "url": url, "expires_at": rfc3339(reset.expires_at)}


async def _set_password(account: str, new: str) -> None:
    check_password(new)
    password_hash = hash_password(new)

    async def work(tx: Transaction) -> None:
        found = await account_named(account)(tx)
        if found.email is None:
            raise InvalidInput("the account has no email address to sign in with", param="account")
        await lock_tenants(tx, [Tenant(found.id, "staging")])
        ended = await password_reset.change_password(
            tx, found.id, password_hash, now_us=SystemClock().now_us()
        )
        after = {"sessions_ended": ended}
        await tell(tx, Tenant(found.id, ""), "password.changed", found.id, after=after)

    await write(work)


@click.command("members", epilog=examples("topup accounts members ops@acme.example"))
@click.argument("account")
@json_option
def members(account: str) -> None:
    """List an account's colleagues and whom its owner invited; who joined has an account of their own."""

    async def work(tx: Transaction) -> list[Member]:
        return list(await list_members(tx, (await account_named(account)(tx)).id))

    rows = [
        {
            "id": one.id,
            "email": one.email,
            "role": one.role,
            "joined_at": None if one.joined_at is None else rfc3339(one.joined_at),
            "person_id": one.person_id,
        }
        for one in run(read(work))
    ]
    show_rows(rows, "email", "role", "joined_at", "person_id")


@click.command("two-factor", epilog=examples("topup accounts two-factor ops@acme.example --off"))
@click.argument("account")
@click.option("--off", is_flag=True, help="Switch it off: the password alone is enough.")
@json_option
def two_factor(account: str, off: bool) -> None:  # noqa: FBT001
    """Show whether signing in takes a code, or switch that off for who lost phone and recovery codes.

    Make sure that it is they who ask: whoever has the password gets in then. Passkeys are removed with it.
    """

    async def work(tx: Transaction) -> dict[str, object]:
        found = await account_named(account)(tx)
        if off:
            if not await second_factor.remove(tx, found.id):
                raise InvalidInput("it is off already", param="account")
            await tell(tx, Tenant(found.id, ""), "two_factor.off", found.id)
        factor = await second_factor.find(tx, found.id)
        is_on = factor is not None and factor.confirmed_at is not None
        left = len(factor.recovery) if factor is not None and is_on else 0
        return {"account": found.id, "two_factor": is_on, "recovery_codes_left": left}

    show_record(run(write(work)))
