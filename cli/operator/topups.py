"""`topup topups`: top-ups that wait for their supplier or for a person, and what a person does."""

from typing import Any, get_args

import click

from billing.fulfilment import desk
from billing.fulfilment.desk import Desk
from billing.topups.deliverable import Deliverable, DeliverableKind
from billing.topups.topup import TopUp
from cli.examples import examples
from cli.operator.supply import by_option, in_one, opened, who_acts
from cli.options import environment_option, limit_option
from cli.output import json_option, show_record, show_rows
from kernel.clock import rfc3339
from keys.audit_log import Actor
from keys.principal import Environment
from runtime.context import Context
from store.database import Transaction

_COLUMNS = (
    *("transaction_id", "platform", "amount_cents", "recipient_email", "supplier", "state"),
    *("outcome", "detail", "due_at", "taken_by"),
)
_checked = click.option(
    "--checked",
    "is_checked",
    is_flag=True,
    help="You looked at the supplier and know what it did; needed where its outcome is unknown.",
)


@click.group(
    epilog=examples(
        "topup topups list --environment live",
        "topup topups settle txn_4Kp1 --kind note --value-file note.txt",
    )
)
def topups() -> None:
    """Top-ups that wait for their supplier, or for a person."""


@topups.command("list", epilog=examples("topup topups list --environment live --supplier by-hand"))
@environment_option
@click.option("--supplier", help="Only those that are with it.")
@limit_option
@json_option
def list_(environment: Environment, supplier: str | None, limit: int) -> None:
    """List what is pending with a supplier, the oldest first. state: `task` waits for a person to do
    it, `needs_person` for one to find out what the supplier did.
    """

    async def act(_context: Context, tx: Transaction, _now_us: int) -> list[dict[str, Any]]:
        found = await desk.waiting(tx, environment, supplier=supplier, limit=limit)
        return [dict(one.shape()) for one in found]

    show_rows(in_one(act), *_COLUMNS)


@topups.command("show", epilog=examples("topup topups show txn_4Kp1"))
@click.argument("transaction_id")
@json_option
def show(transaction_id: str) -> None:
    """Show a top-up and each of its turns at a supplier. What was handed over is not shown."""

    async def act(_context: Context, tx: Transaction, _now_us: int) -> desk.WaitingTopUp:
        return await desk.get_waiting(tx, transaction_id)

    found = in_one(act)
    attempts = [
        {
            "supplier": one.supplier,
            "kind": one.kind,
            "outcome": one.outcome,
            "detail": one.detail,
            "asks": one.asks,
            "asked_at": rfc3339(one.asked_at),
            "last_asked_at": rfc3339(one.last_asked_at),
            "ended_at": None if one.ended_at is None else rfc3339(one.ended_at),
            "cost_cents": one.cost_cents,
        }
        for one in found.attempts
    ]
    given = found.topup.given
    record = {
        **found.shape(),
        "status": found.topup.status,
        "failure_reason": found.topup.failure_reason,
        "deliverable": None if given is None else given.shape(),
    }
    if found.topup.status != "pending":
        record["state"] = found.topup.status
    show_record(record, attempts=attempts)


@topups.command("take", epilog=examples("topup topups take txn_4Kp1"))
@click.argument("transaction_id")
@by_option
@json_option
def take(transaction_id: str, by: str | None) -> None:
    """Take a task of a `manual` supplier, so that nobody else does it, too."""
    who = who_acts(by)

    async def act(_context: Context, tx: Transaction, now_us: int) -> dict[str, Any]:
        task = await desk.take(tx, transaction_id, by=Actor(), who=who, now_us=now_us)
        return {
            "transaction_id": transaction_id,
            "taken_by": task.taken_by,
            "due_at": rfc3339(task.due_at),
        }

    show_record(in_one(act))


@topups.command(
    "settle",
    epilog=examples(
        "topup topups settle txn_4Kp1 --kind code --value-file code.txt",
        "topup topups settle txn_4Kp1 --kind credit --checked",
    ),
)
@click.argument("transaction_id")
@click.option(
    "--kind",
    type=click.Choice(get_args(DeliverableKind)),
    required=True,
    help="What the recipient gets; credit: it is in their account there already.",
)
@click.option(
    "--value-file",
    type=click.File("r", encoding="utf-8"),
    help="A file with the code, key, link or note; - is standard input. It is sealed.",
)
@click.option("--redeem-url", help="The page on which it is used.")
@click.option("--instructions", help="How it is used, for the recipient.")
@_checked
@by_option
@json_option
def settle(
    transaction_id: str,
    kind: DeliverableKind,
    value_file: Any,
    redeem_url: str | None,
    instructions: str | None,
    is_checked: bool,  # noqa: FBT001
    by: str | None,
) -> None:
    """End a top-up as delivered, with what was handed over."""
    value = None if value_file is None else value_file.read(4_096).strip()
    given = Deliverable(kind, value, redeem_url, instructions)

    async def act(context: Context) -> TopUp:
        ended = await _desk(context).settle(
            transaction_id, given, by=Actor(), who=who_acts(by), is_checked=is_checked
        )
        return ended.topup

    _show(opened(act))


@topups.command("fail", epilog=examples("topup topups fail txn_4Kp1 --reason 'no such user'"))
@click.argument("transaction_id")
@click.option("--reason", required=True, help="Why; the sender sees it.")
@_checked
@by_option
@json_option
def fail(transaction_id: str, reason: str, is_checked: bool, by: str | None) -> None:  # noqa: FBT001
    """End a top-up as failed, and give its funds back. A refused task goes to the next supplier, if
    the platform has one.
    """

    async def act(context: Context) -> TopUp:
        ended = await _desk(context).fail(
            transaction_id, reason, by=Actor(), who=who_acts(by), is_checked=is_checked
        )
        return ended.topup

    _show(opened(act))


@topups.command(
    "reverse",
    epilog=examples(
        "topup topups reverse txn_4Kp1 --reason 'sent to the wrong person'",
        "topup topups reverse txn_4Kp1 --reason 'disabled at the vendor' --revoked",
        "topup topups reverse txn_4Kp1 --reason 'the vendor says it was used' --kept",
    ),
)
@click.argument("transaction_id")
@click.option("--reason", required=True, help="Why; the sender sees it.")
@click.option(
    "--revoked/--kept",
    "is_revoked",
    default=None,
    help="You asked the supplier yourself: what it handed over is worth nothing now, or stays.",
)
@json_option
def reverse(transaction_id: str, reason: str, is_revoked: bool | None) -> None:  # noqa: FBT001
    """Take a delivered top-up back that was not used, and give its funds back. Credit in a wallet here
    comes back at once; what a supplier handed over once that supplier, or you, said that nobody can
    use it any more.
    """

    async def act(context: Context) -> TopUp:
        done = await _desk(context).reverse(
            transaction_id, reason, by=Actor(), is_revoked=is_revoked
        )
        return done.topup

    _show(opened(act))


def _desk(context: Context) -> Desk:
    return Desk(context.database, context.clock, context.engine, context.suppliers)


def _show(topup: TopUp) -> None:
    given = topup.given
    show_record(
        {
            "transaction_id": topup.id,
            "status": topup.status,
            "supplier": topup.supplier,
            "failure_reason": topup.failure_reason,
            "deliverable": None if given is None else given.shape(),
        }
    )
