"""`topup orders`: purchases of credit, what providers said of them, and what waits for a person."""

import getpass
from collections.abc import Sequence
from typing import Any

import click
from pydantic import SecretStr

from billing import order_list, provider_event
from billing.order import STATUSES, Order
from billing.order_list import Filter
from billing.provider_event import LogEntry
from billing.resolution import Verdict
from cli.database import account_named, read
from cli.examples import examples
from cli.options import environment_option, limit_option
from cli.output import json_option, note, print_json, run, show_record, show_rows, wants_json
from kernel.errors import NotFound
from keys.principal import Environment
from runtime.context import open_context
from runtime.installation import known_secret_key
from runtime.settings import load_settings
from store.db import Transaction

_COLUMNS = (
    "id",
    "account_id",
    "status",
    "provider",
    "pay_amount",
    "pay_currency",
    "credits",
    "created_at",
)


@click.group(
    epilog=examples(
        "topup orders list --status review",
        "topup orders approve ord_4Kp1",
    )
)
def orders() -> None:
    """Purchases of credit: list, show, and decide what no rule may."""


@orders.command(
    "list",
    epilog=examples(
        "topup orders list --status review --environment live",
    ),
)
@environment_option
@click.option("--account", help="Its id or email address.")
@click.option("--status", type=click.Choice(STATUSES), help="Only those in this state.")
@click.option("--provider", help="Such as stripe.")
@limit_option
@click.option("--cursor", help="The id of the last order of the page before.")
@json_option
def list_(
    environment: Environment,
    account: str | None,
    status: str | None,
    provider: str | None,
    limit: int,
    cursor: str | None,
) -> None:
    """List orders, newest first."""

    async def work(tx: Transaction) -> Sequence[Order]:
        owner_id = None if account is None else (await account_named(account)(tx)).id
        wanted = Filter(
            status=status, provider=provider, account_id=owner_id, environment=environment
        )
        return await order_list.page_of_all(tx, wanted, before_id=cursor, limit=limit)

    found = run(read(work))
    more = found[-1].id if len(found) == limit else None
    show_rows([_shape(order) for order in found], *_COLUMNS, next_cursor=more)


@orders.command(
    "show",
    epilog=examples(
        "topup orders show ord_4Kp1",
    ),
)
@click.argument("order_id")
@json_option
def show(order_id: str) -> None:
    """Show one order with everything that its provider said of it."""

    async def work(tx: Transaction) -> tuple[Order, Sequence[LogEntry]]:
        return await _find(tx, order_id), await provider_event.of_order(tx, order_id)

    order, events = run(read(work))
    show_record(_record(order), events=[event.shape() for event in events])


@orders.command(
    "problems",
    epilog=examples(
        "topup orders problems --environment live",
    ),
)
@environment_option
@limit_option
@json_option
def problems(environment: Environment, limit: int) -> None:
    """List what is paid but not credited, and what is credited but not paid."""

    async def work(tx: Transaction) -> tuple[Sequence[Order], Sequence[Order]]:
        uncredited = await order_list.paid_uncredited(tx, environment, limit=limit)
        unpaid = await order_list.credited_unpaid(tx, environment, limit=limit)
        return uncredited, unpaid

    uncredited, unpaid = run(read(work))
    lists = {"paid_uncredited": uncredited, "credited_unpaid": unpaid}
    if wants_json():
        print_json({name: [_record(order) for order in found] for name, found in lists.items()})
        return
    for name, found in lists.items():
        note(name.replace("_", " but ") + ":")
        show_rows([_record(order) for order in found], *_COLUMNS, "reason")


@orders.command(
    "approve",
    epilog=examples(
        "topup orders approve ord_4Kp1 --by ann",
    ),
)
@click.argument("order_id")
@click.option("--by", help="Who decides; else the user of this machine.")
@json_option
def approve(order_id: str, by: str | None) -> None:
    """Credit an order in review, as if its price had been paid."""
    _resolve(order_id, "approve", by)


@orders.command(
    "reject",
    epilog=examples(
        "topup orders reject ord_4Kp1",
    ),
)
@click.argument("order_id")
@click.option("--by", help="Who decides; else the user of this machine.")
@json_option
def reject(order_id: str, by: str | None) -> None:
    """End an order in review uncredited; of a settled one, dismiss what waits for a person."""
    _resolve(order_id, "reject", by)


def _resolve(order_id: str, verdict: Verdict, by: str | None) -> None:
    settings = load_settings()
    # Beside `topup dev` the key is the data directory's own.
    secret_key = SecretStr(known_secret_key(settings))

    async def decided() -> Order:
        keyed = settings.model_copy(update={"secret_key": secret_key})
        async with open_context(keyed) as context:
            who = by or f"{getpass.getuser()} on the command line"
            return await context.cashier.resolve(order_id, verdict, by=who)

    show_record(_record(run(decided())))


async def _find(tx: Transaction, order_id: str) -> Order:
    found = await order_list.find(tx, order_id)
    if found is None:
        raise NotFound("Order")
    return found


def _shape(order: Order) -> dict[str, Any]:
    return {**order.shape(), "account_id": order.account_id, "environment": order.environment}


def _record(order: Order) -> dict[str, Any]:
    """What only the operator sees as well."""
    return {
        **_shape(order),
        "payment_id": order.payment_id,
        "provider_ref": order.provider_ref,
        "refunded_amount": order.refunded_amount,
        "reversed_micros": order.reversed_micros,
        "checks_made": order.checks_made,
        "reason": order.reason,
    }
