"""`topup orders refund` and `topup refunds`: payments that go back, and a person's word on those whose
provider gives none.
"""

from typing import get_args

import click

from billing.ledger.price import price_of
from billing.orders import queries as order_list
from billing.orders.refund_row import REFUND_STATES, Refund
from billing.refunds import queries as refund_rows
from billing.refunds.queries import record_of
from billing.refunds.settle import RefundVerdict
from cli.database import read
from cli.examples import examples
from cli.operator.supply import opened
from cli.options import environment_option, limit_option
from cli.output import json_option, note, run, show_record, show_rows
from cli.person import by_option, who_acts
from kernel.errors import NotFound
from keys.audit_log import Actor
from keys.principal import Environment
from runtime.context import Context
from store.database import Transaction

_COLUMNS = (
    *("id", "status", "amount_decimal", "currency", "order_id", "provider", "reason"),
    *("detail", "created_at"),
)


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
    """Send an order's payment back, whole or in part; its credit is held meanwhile.

    Of an order in review, or rejected, nothing was credited and nothing is held.
    """

    async def currency(tx: Transaction) -> str:
        order = await order_list.find(tx, order_id)
        if order is None:
            raise NotFound("Order")
        return await refund_rows.currency_of(tx, order, payment_ref)

    async def work(context: Context) -> Refund:
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
    show_record(record_of(made))
    if made.is_open:
        note("A worker asks the provider now; topup refunds show tells what became of it.")


@click.group(
    epilog=examples(
        "topup refunds list --environment live --open",
        "topup refunds decide rfd_4Kp1 made --provider-refund re_1Q --reason 'seen at Stripe'",
    )
)
def refunds() -> None:
    """Refunds of orders: list, show, and decide where a provider gives no clear word."""


@refunds.command(
    "list",
    epilog=examples(
        "topup refunds list --environment live --open",
        "topup refunds list --status failed",
    ),
)
@environment_option
@click.option("--status", type=click.Choice(REFUND_STATES), help="Only those in this state.")
@click.option("--open", "is_open_only", is_flag=True, help="Only those that have not ended.")
@click.option("--order", "order_id", help="Only those of this order.")
@limit_option
@click.option("--cursor", help="The id of the last refund of the page before.")
@json_option
def list_(
    *,
    environment: Environment,
    status: str | None,
    is_open_only: bool,
    order_id: str | None,
    limit: int,
    cursor: str | None,
) -> None:
    """List refunds, newest first."""
    found = run(
        read(
            lambda tx: refund_rows.page(
                tx,
                environment,
                status=status,
                is_open_only=is_open_only,
                order_id=order_id,
                before_id=cursor,
                limit=limit,
            )
        )
    )
    more = found[-1].id if len(found) == limit else None
    show_rows([record_of(one) for one in found], *_COLUMNS, next_cursor=more)


@refunds.command("show", epilog=examples("topup refunds show rfd_4Kp1"))
@click.argument("refund_id")
@environment_option
@json_option
def show(refund_id: str, environment: Environment) -> None:
    """Show one refund and what became of it."""
    found = run(read(lambda tx: refund_rows.find(tx, refund_id, environment)))
    show_record(record_of(found))


@refunds.command(
    "decide",
    epilog=examples(
        "topup refunds decide rfd_4Kp1 made --provider-refund re_1Q --reason 'seen at Stripe'",
        "topup refunds decide rfd_4Kp1 not_made --reason 'the gateway has no such refund'",
    ),
)
@click.argument("refund_id")
@click.argument("verdict", type=click.Choice(get_args(RefundVerdict)))
@environment_option
@click.option("--provider-refund", help="What the provider calls it, where it was made.")
@click.option("--reason", required=True, help="What you saw; it stands in the audit log.")
@by_option
@json_option
def decide(
    refund_id: str,
    verdict: RefundVerdict,
    environment: Environment,
    provider_refund: str | None,
    reason: str,
    by: str | None,
) -> None:
    """Say what became of a refund, after a look at the provider's own pages.

    made takes the credit; not_made gives it back.
    """

    async def work(context: Context) -> Refund:
        command = await context.refunder.decision(
            refund_id,
            environment,
            verdict,
            reason=reason,
            actor=Actor(),
            provider_refund_id=provider_refund,
            by_name=who_acts(by),
        )
        return await context.engine.submit(command)

    show_record(record_of(opened(work)))
