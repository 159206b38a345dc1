"""`topup mail`: recipients' mail and its outcome, addresses without mail, and erasure."""

from functools import partial

import click

from billing.machine_payments.payment import drop_private
from billing.recipients.erasure import ROWS_PER_STEP, Erased, erase_step
from billing.recipients.mail_acts import ACTS
from cli.acts.command import group_of
from cli.examples import examples
from cli.operator.supply import opened
from cli.output import json_option, show_record
from keys.email_address import normalise_email
from runtime.context import Context
from runtime.request_log import rows as request_rows


@click.command("erase", epilog=examples("topup mail erase user@example.com --yes"))
@click.argument("address")
@click.confirmation_option(prompt="This cannot be undone. Erase?")
@json_option
def erase(address: str) -> None:
    """Erase what is stored about a recipient, except what the ledger must keep."""
    wanted = normalise_email(address, param="address")

    async def act(context: Context) -> dict[str, int]:
        topups = mails = payments = requests = 0
        while True:
            step = await context.database.transaction(partial(erase_step, address=wanted))
            dropped = await context.database.transaction(partial(drop_private, limit=ROWS_PER_STEP))
            logged = await context.database.transaction(
                partial(request_rows.erase_step, address=wanted)
            )
            if step == Erased(0, 0) and not dropped and not logged:
                return {
                    "topups": topups,
                    "mails": mails,
                    "payments": payments,
                    "requests": requests,
                }
            topups, mails = topups + step.topups, mails + step.mails
            payments, requests = payments + dropped, requests + logged

    show_record(opened(act))


mail = group_of("mail", "Mail to recipients: what became of it, and who gets none.", ACTS, erase)
