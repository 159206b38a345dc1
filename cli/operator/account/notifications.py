"""`topup accounts notifications`: who is told of what by mail."""

from collections.abc import Sequence

import click

from cli.database import account_named, read
from cli.examples import examples
from cli.output import json_option, run, show_rows
from keys.notifications import NOTIFICATIONS, STAGING, Person, people_of
from store.database import Transaction


@click.command(
    "notifications",
    epilog=examples(
        "topup accounts notifications ops@acme.example",
        "topup accounts notifications ops@acme.example --json",
    ),
)
@click.argument("account")
@json_option
def notifications(account: str) -> None:
    """Show which mail the owner and each colleague of an account get; they choose it at their page Account.

    staging: whether what is on counts in staging, too. Of payments that failed the owner is always told.
    """

    async def work(tx: Transaction) -> Sequence[Person]:
        found = await account_named(account)(tx)
        return (await people_of(tx, [found.id]))[found.id]

    rows = [
        {
            "email": one.email,
            "role": one.role,
            "told": [kind for kind in NOTIFICATIONS if kind in one.wanted],
            "staging": STAGING in one.wanted,
        }
        for one in run(read(work))
    ]
    show_rows(rows, "email", "role", "staging", "told")
