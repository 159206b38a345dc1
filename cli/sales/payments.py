"""`topup payments`: what machines without an account paid, and a person's word on what nobody could find out."""

from typing import Literal

import click

from billing.machine_payments import payment as payments_of
from billing.machine_payments.payment import STATES, MachinePayment
from cli.database import read
from cli.examples import examples
from cli.operator.supply import opened
from cli.options import environment_option, limit_option
from cli.output import json_option, run, show_record, show_rows
from cli.person import by_option, who_acts
from keys.audit_log import Actor
from keys.principal import Environment
from runtime.context import Context

_COLUMNS = (
    *("id", "state", "charged_cents", "platform", "recipient_email", "payer", "network"),
    *("settlement", "detail", "transaction_id"),
)


@click.group(
    epilog=examples(
        "topup payments list --environment live --state stuck",
        "topup payments decide mpy_4Kp1 settled --settlement 0x9f… --reason 'seen on the chain'",
    )
)
def payments() -> None:
    """Payments of machines without an account (x402, by card): list, show, ask, decide."""


@payments.command(
    "list",
    epilog=examples(
        "topup payments list --environment live",
        "topup payments list --environment live --state stuck",
    ),
)
@environment_option
@click.option(
    "--state",
    type=click.Choice((*STATES, "stuck")),
    help="Only those in this state; stuck: a person decides.",
)
@limit_option
@click.option("--cursor", help="The id of the last payment of the page before.")
@json_option
def list_(environment: Environment, state: str | None, limit: int, cursor: str | None) -> None:
    """List machine payments, newest first."""
    found = run(
        read(
            lambda tx: payments_of.page(tx, environment, state=state, before_id=cursor, limit=limit)
        )
    )
    more = found[-1].id if len(found) == limit else None
    show_rows([one.shape() for one in found], *_COLUMNS, next_cursor=more)


@payments.command("show", epilog=examples("topup payments show mpy_4Kp1"))
@click.argument("payment_id")
@json_option
def show(payment_id: str) -> None:
    """Show one payment and what came of it."""
    show_record(run(read(lambda tx: payments_of.find(tx, payment_id))).shape())


@payments.command("ask", epilog=examples("topup payments ask mpy_4Kp1"))
@click.argument("payment_id")
@json_option
def ask(payment_id: str) -> None:
    """Ask whoever settles it once more about one that has not ended; it is never charged twice."""

    async def work(context: Context) -> MachinePayment:
        found = await context.database.read(lambda tx: payments_of.find(tx, payment_id))
        return await context.machine_payments.ask_again(found)

    show_record(opened(work).shape())


@payments.command(
    "decide",
    epilog=examples(
        "topup payments decide mpy_4Kp1 settled --settlement 0x9f… --reason 'seen on the chain'",
        "topup payments decide mpy_4Kp1 refused --reason 'the nonce was never used'",
    ),
)
@click.argument("payment_id")
@click.argument("verdict", type=click.Choice(["settled", "refused"]))
@click.option("--settlement", help="The transaction's hash, or pi_… by card, where it was settled.")
@click.option("--reason", required=True, help="What you saw; it stands in the audit log.")
@by_option
@json_option
def decide(
    payment_id: str,
    verdict: Literal["settled", "refused"],
    settlement: str | None,
    reason: str,
    by: str | None,
) -> None:
    """Say what became of a payment, after a look at the network or the provider itself.

    settled sends what was paid for, or gives it back as a code; refused ends it. Of one that was refused and
    settled after all, settled gives it back as a code.
    """
    if (verdict == "settled") is (settlement is None):
        raise click.UsageError("--settlement goes with settled, and with nothing else")

    async def work(context: Context) -> MachinePayment:
        return await context.machine_payments.decide(
            payment_id,
            verdict,
            settlement=settlement,
            reason=reason,
            actor=Actor(),
            by_name=who_acts(by),
        )

    show_record(opened(work).shape())
