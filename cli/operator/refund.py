"""`topup orders refund`: a payment goes back, whole or in part."""

import click

from billing.ledger.price import price_of
from billing.orders import queries as order_list
from billing.orders.refund_row import Refund
from billing.refunds.queries import record_of
from cli.examples import examples
from cli.operator.supply import by_option, opened, who_acts
from cli.options import environment_option
from cli.output import json_option, note, show_record
from kernel.errors import NotFound
from keys.audit_log import Actor
from keys.principal import Environment
from runtime.context import Context


@click.command(
    "refund",
    epilog=examples(
        "topup orders refund ord_4Kp1 --reason 'bought twice'",
        "topup orders refund ord_4Kp1 --amount 5.00 --reason 'half of it' --allow-owed",
        "topup orders refund ord_4Kp1 --made-at-provider re_1Q --reason 'on its own pages'",
    ),
)
@click.argument("order_id")
@environment_option
@click.option("--amount", help="How much, in the currency that was paid; else all that is left.")
@click.option("--reason", required=True, help="Why; order.refunded carries it.")
@click.option("--period", "period_id", help="Of a plan's order: the id of the paid period.")
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
    allow_owed: bool,
    made_at_provider: str | None,
    by: str | None,
) -> None:
    """Send an order's payment back, whole or in part; its credit is held meanwhile."""

    async def work(context: Context) -> Refund:
        wanted = None
        if amount is not None:
            order = await context.database.read(lambda tx: order_list.find(tx, order_id))
            if order is None:
                raise NotFound("Order")
            wanted = price_of(amount, order.payment.currency, param="amount").amount
        command = await context.refunder.request(
            order_id,
            environment,
            reason=reason,
            actor=Actor(),
            amount=wanted,
            period_id=period_id,
            allow_owed=allow_owed,
            made_at_provider=made_at_provider,
            by_name=who_acts(by),
        )
        return await context.engine.submit(command)

    made = opened(work)
    show_record(record_of(made))
    if made.is_open:
        note("A worker asks the provider now; topup refunds show tells what became of it.")
