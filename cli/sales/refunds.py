"""`topup orders refund` and `topup refunds`: refunds, and an operator's decision on unknown outcomes."""

import click
from msgspec import to_builtins

from billing.ledger.price import price_of
from billing.orders import queries as order_list
from billing.orders.refund_row import Refund as RefundRow
from billing.refunds import queries as refund_rows
from billing.refunds.acts import ACTS
from billing.refunds.views import Refund
from cli.acts.command import group_of
from cli.acts.shown import print_result
from cli.examples import examples
from cli.operator.supply import opened
from cli.options import environment_option
from cli.output import json_option, note
from cli.person import by_option, who_acts
from kernel.errors import NotFound
from keys.audit_log import Actor
from keys.principal import Environment
from runtime.context import Context
from store.database import Transaction


@click.command(
    "refund",
    epilog=examples(
        "topup orders refund ord_4Kp1 --reason 'bought twice'",
        "topup orders refund ord_4Kp1 --amount 5.00 --reason 'half of it' --allow-owed",
        "topup orders refund ord_4Kp1 --payment pi_2 --reason 'paid twice'",
        "topup orders refund ord_4Kp1 --made-at-provider re_1Q --reason 'on its own pages'",
    ),
)
@click.argument("order_id")
@environment_option
@click.option("--amount", help="How much, in the currency that was paid; else all that is left.")
@click.option("--reason", required=True, help="Why; order.refunded carries it.")
@click.option("--period", "period_id", help="Of a plan's order: the id of the paid period.")
@click.option(
    "--payment",
    "payment_ref",
    help="The provider's name of a payment that credited nothing: a second one, or a plan's in review.",
)
@click.option("--allow-owed", is_flag=True, help="Also where the credit was used up.")
@click.option(
    "--made-at-provider", help="The provider's id of a refund that you made on its own pages."
)
@by_option
@json_option
def refund(
    *,
    order_id: str,
    environment: Environment,
    amount: str | None,
    reason: str,
    period_id: str | None,
    payment_ref: str | None,
    allow_owed: bool,
    made_at_provider: str | None,
    by: str | None,
) -> None:
    """Refund an order's payment, whole or in part; its credit is held meanwhile.

    An order in review, or rejected, credited nothing, so nothing is held.
    """

    async def currency(tx: Transaction) -> str:
        order = await order_list.find(tx, order_id)
        if order is None:
            raise NotFound("Order")
        return await refund_rows.currency_of(tx, order, payment_ref)

    async def work(context: Context) -> RefundRow:
        wanted = None
        if amount is not None:
            unit = await context.database.read(currency)
            wanted = price_of(amount, unit, param="amount").amount
        command = await context.refunder.request(
            order_id,
            environment,
            reason=reason,
            actor=Actor(),
            amount=wanted,
            period_id=period_id,
            payment_ref=payment_ref,
            allow_owed=allow_owed,
            made_at_provider=made_at_provider,
            by_name=who_acts(by),
        )
        return await context.engine.submit(command)

    made = opened(work)
    print_result(Refund, to_builtins(Refund.of(made)))
    if made.is_open:
        note("A worker asks the provider now; topup refunds show tells what became of it.")


refunds = group_of("refunds", "Payments that go back: list, show, decide.", ACTS)
