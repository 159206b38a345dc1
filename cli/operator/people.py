"""`topup accounts members` and `two-factor`: who signs in to an account, where its owner needs help."""

import click

from cli.acting import tell
from cli.database import account_named, read, write
from cli.examples import examples
from cli.output import json_option, run, show_record, show_rows
from kernel.clock import rfc3339
from kernel.errors import InvalidInput
from kernel.tenant import Tenant
from keys import second_factor
from keys.member import Member, list_members
from store.database import Transaction


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

    Make sure that it is they who ask: whoever has the password gets in then.
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
