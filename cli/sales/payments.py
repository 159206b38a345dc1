"""`topup payments`: machine payments, and an operator's decision on unknown outcomes."""

from typing import Literal

import click
from msgspec import to_builtins

from billing.machine_payments import payment as payments_of
from billing.machine_payments.acts import ACTS, MachinePayment, view_of
from billing.machine_payments.payment import MachinePayment as PaymentRow
from cli.acts.command import group_of
from cli.acts.shown import print_result
from cli.examples import examples
from cli.operator.supply import opened
from cli.output import json_option
from cli.person import by_option, who_acts
from keys.audit_log import Actor
from runtime.context import Context

payments = group_of(
    "payments", "Payments of machines without an account: list, show, ask, decide.", ACTS
)


@payments.command("ask", epilog=examples("topup payments ask mpy_4Kp1"))
@click.argument("payment_id")
@json_option
def ask(payment_id: str) -> None:
    """Call the settling party again about an open payment; it is never charged twice."""

    async def work(context: Context) -> PaymentRow:
        found = await context.database.read(lambda tx: payments_of.find(tx, payment_id))
        return await context.machine_payments.ask_again(found)

    print_result(MachinePayment, to_builtins(view_of(opened(work))))


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
    """Decide a payment's outcome, after checking the network or the provider itself.

    settled sends what was paid for, or returns it as a code; refused ends it. If it was refused and settled
    after all, settled returns it as a code.
    """
    if (verdict == "settled") is (settlement is None):
        raise click.UsageError("--settlement goes with settled, and with nothing else")

    async def work(context: Context) -> PaymentRow:
        return await context.machine_payments.decide(
            payment_id,
            verdict,
            settlement=settlement,
            reason=reason,
            actor=Actor(),
            by_name=who_acts(by),
        )

    print_result(MachinePayment, to_builtins(view_of(opened(work))))
