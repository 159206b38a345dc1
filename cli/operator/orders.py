"""`topup orders`: purchases of credit, what providers said of them, and what waits for a person."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click
from msgspec import to_builtins
from pydantic import SecretStr

from billing.ledger.in_words import in_words as fields_in_words
from billing.ledger.price import price_of
from billing.orders import queries as order_list
from billing.orders.acts import ACTS, find_order
from billing.orders.order import Order
from billing.orders.uncredited import is_uncredited
from billing.orders.views import OperatorOrder, view_of
from billing.payments.review import OpenReview, Verdict
from billing.providers import event_log as provider_event
from billing.providers.event_log import LogEntry
from billing.providers.problem import REASONS, in_words
from cli.acts.command import group_of
from cli.database import read
from cli.examples import examples
from cli.operator.order_trace import trace
from cli.options import environment_option, limit_option
from cli.output import json_option, note, print_json, run, show_record, show_rows, wants_json
from cli.person import who_acts
from cli.sales.refunds import refund
from keys.principal import Environment
from runtime.context import open_context
from runtime.installation import known_secret_key
from runtime.settings import load_settings
from store.database import Transaction

_COLUMNS = ("id", "account_id", "status", "provider", "pay_amount", "credits", "created_at")

orders = group_of(
    "orders",
    "Purchases of credit: list, show, refund, and decide what no rule may.",
    ACTS,
    refund,
    trace,
)


@orders.command(
    "problems",
    epilog=examples(
        "topup orders problems --environment live",
    ),
)
@environment_option
@click.option("--reason", type=click.Choice(REASONS), help="Only what waits for this.")
@limit_option
@json_option
def problems(environment: Environment, reason: str | None, limit: int) -> None:
    """List what waits for a person, with what was expected and what came, and what is credited but
    not paid.
    """

    async def work(
        tx: Transaction,
    ) -> tuple[Sequence[Order], Sequence[Order], Mapping[str, list[LogEntry]]]:
        uncredited = await order_list.paid_uncredited(tx, environment, reason=reason, limit=limit)
        unpaid = await order_list.credited_unpaid(tx, environment, limit=limit)
        open_ = await provider_event.open_of(tx, [order.id for order in uncredited])
        return uncredited, unpaid, open_

    uncredited, unpaid, open_ = run(read(work))
    waiting = [_waiting(order, open_.get(order.id, [])) for order in uncredited]
    lists = {"paid_uncredited": waiting, "credited_unpaid": [_record(order) for order in unpaid]}
    if wants_json():
        print_json(lists)
        return
    note("paid but uncredited:")
    show_rows(waiting, *_COLUMNS[:4], "waits_for", "expected", "came", "reason")
    note("credited but unpaid:")
    show_rows(lists["credited_unpaid"], *_COLUMNS, "reason")


_by_option = click.option("--by", help="Who decides; else the user of this machine.")
_reason_option = click.option(
    "--reason", default="", help="Why, for whoever looks at it later; it stands in the audit log."
)


@orders.command(
    "approve",
    epilog=examples(
        "topup orders approve ord_4Kp1 --by ann",
        "topup orders approve ord_4Kp1 --amount 9.99 --reason 'paid by bank transfer'",
    ),
)
@click.argument("order_id")
@click.option("--amount", help="How much of the price is to be credited, such as 9.99.")
@_by_option
@_reason_option
@json_option
def approve(order_id: str, amount: str | None, by: str | None, reason: str) -> None:
    """Credit an order in review, or an invoice of its plan that is held: whole, or in part.

    Where another sum came than the price, --amount has to say what counts.
    """
    _resolve(order_id, "approve", by, reason, amount)


@orders.command(
    "reject",
    epilog=examples(
        "topup orders reject ord_4Kp1",
    ),
)
@click.argument("order_id")
@_by_option
@_reason_option
@json_option
def reject(order_id: str, by: str | None, reason: str) -> None:
    """End an order in review uncredited; of a settled one, dismiss what waits for a person."""
    _resolve(order_id, "reject", by, reason)


def _resolve(
    order_id: str, verdict: Verdict, by: str | None, reason: str, amount: str | None = None
) -> None:
    settings = load_settings()
    # Beside `topup dev` the key is the data directory's own.
    secret_key = SecretStr(known_secret_key(settings))

    async def decided() -> tuple[Order, OpenReview]:
        with_key = settings.model_copy(update={"secret_key": secret_key})
        async with open_context(with_key) as context:
            order = await context.database.read(lambda tx: find_order(tx, order_id))
            waiting = await context.payments.waiting(order)
            counts = _counted(waiting, amount) if verdict == "approve" else None
            who = who_acts(by)
            resolved = await context.payments.resolve(
                order_id, verdict, by=who, note=reason, amount=counts
            )
            return resolved, waiting

    resolved, waiting = run(decided())
    show_record(_record(resolved))
    if verdict == "reject":
        note(_refund_hint(resolved, waiting))


def _counted(waiting: OpenReview, amount: str | None) -> int | None:
    """What counts as paid, in the smallest unit; asked for at a terminal where that is not clear."""
    price = waiting.price
    if amount is None and waiting.came != price and sys.stdin.isatty() and not wants_json():
        came = "an unknown sum" if waiting.came is None else in_words(waiting.came)
        note(f"{in_words(price)} was expected, and {came} was paid.")
        amount = click.prompt(f"How much of {in_words(price)} is to be credited")
    return None if amount is None else price_of(amount, price.currency, param="amount").amount


def _refund_hint(order: Order, waiting: OpenReview) -> str:
    """How what was rejected can go back; of a settled order's second payment topup orders show has the name."""
    ref = waiting.invoice_id or order.payment_id
    came = "" if waiting.came is None else f" ({in_words(waiting.came)})"
    if is_uncredited(order):
        return f"No money was sent back. topup orders refund {order.id} sends back {ref}{came}."
    named = (
        ref if ref is not None and not (order.is_settled and waiting.invoice_id is None) else "…"
    )
    return f"No money was sent back. topup orders refund {order.id} --payment {named} does that."


def _waiting(order: Order, entries: Sequence[LogEntry]) -> dict[str, Any]:
    """The order with what waits of it: the first problem, and all of them."""
    shown = [entry.shape() for entry in entries]
    first = next((one for one in shown if one["reason"]), {})
    return {
        **_record(order),
        "reason": order.reason or first.get("detail"),
        "waits_for": first.get("reason"),
        "expected": first.get("expected"),
        "came": first.get("came"),
        "problems": shown,
    }


def _record(order: Order) -> dict[str, Any]:
    fields: dict[str, Any] = to_builtins(view_of(order))
    return fields if wants_json() else fields_in_words(OperatorOrder, fields)
