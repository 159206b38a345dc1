"""`topup desk`: top-ups that wait for their supplier or for an operator."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, get_args

import click

from billing.desk import decisions, waiting, words
from billing.desk.acts import MEANINGS, DeskTopUp
from billing.desk.decisions import DeskCommand, Person
from billing.desk.reversal import reverse_by_hand
from billing.desk.waiting import VIEWS, DeskFilter, View
from billing.topups.supplier_words import SupplierWord, last_handed_over, load_words
from billing.topups.topup import (
    Deliverable,
    DeliverableKind,
    DeliverableRefused,
    TopUp,
    checked_deliverable,
)
from cli.examples import examples
from cli.operator.supply import in_one, opened
from cli.options import environment_option, limit_option
from cli.output import json_option, show_record, show_rows
from cli.person import by_option, who_acts
from kernel.clock import HOUR_US, rfc3339
from kernel.errors import InvalidInput
from keys.audit_log import Actor
from keys.principal import Environment
from runtime.context import Context
from store.database import Transaction

_COLUMNS = (
    *("transaction_id", "platform", "amount_cents", "recipient_email", "supplier", "state"),
    *("outcome", "detail", "requests_made", "created_at", "due_at", "taken_by"),
)
_id = click.argument("transaction_id")
_reason = click.option("--reason", required=True, help="Why; for whoever looks at it later.")
_why = click.option("--reason", help="Why; for whoever looks at it later.")
_shown_reason = click.option("--reason", required=True, help="Why; the sender sees it.")
_checked = click.option(
    "--checked",
    "is_checked",
    is_flag=True,
    help="You looked at the supplier and know what it did; needed where its outcome is open.",
)


@click.group(
    epilog=examples(
        "topup desk list --environment live --view person",
        "topup desk settle txn_4Kp1 --kind note --value-file note.txt",
    )
)
def desk() -> None:
    """Top-ups that wait for their supplier or for an operator, and what an operator can do."""


@desk.command(
    "list",
    epilog=examples(
        "topup desk list --environment live --view overdue",
        "topup desk list --supplier by-hand --older-than-h 4",
    ),
)
@environment_option
@click.option(
    "--view",
    type=click.Choice(get_args(View)),
    default="pending",
    show_default=True,
    help="; ".join(f"{name}: {meaning}" for name, meaning in VIEWS.items()) + ".",
)
@click.option("--supplier", help="Only those that are with it.")
@click.option("--platform", help="Only those of this platform.")
@click.option("--account", "account_id", help="Only those of this account.")
@click.option(
    "--older-than-h", type=click.IntRange(min=0), help="Only those sent so many hours ago."
)
@limit_option
@click.option("--cursor", help="The id of the last row of the page before.")
@json_option
def list_(
    environment: Environment,
    view: View,
    supplier: str | None,
    platform: str | None,
    account_id: str | None,
    older_than_h: int | None,
    limit: int,
    cursor: str | None,
) -> None:
    """List what is with suppliers, the oldest first; failed ones the latest first. `topup desk show` says
    what a state means and what can be done.
    """

    async def act(_context: Context, tx: Transaction, now_us: int) -> list[dict[str, Any]]:
        before = None if older_than_h is None else now_us - older_than_h * HOUR_US
        wanted = DeskFilter(environment, view, supplier, platform, account_id, before)
        found = await waiting.page(tx, wanted, after_id=cursor, limit=limit, now_us=now_us)
        return [waiting.shape(one) for one in found]

    rows = in_one(act)
    more = rows[-1]["transaction_id"] if len(rows) == limit else None
    show_rows(rows, *_COLUMNS, next_cursor=more)


@desk.command("show", epilog=examples("topup desk show txn_4Kp1"))
@_id
@by_option
@json_option
def show(transaction_id: str, by: str | None) -> None:
    """Show a top-up, each of its turns at a supplier, and what can be done now. What was handed over isn't
    shown.
    """

    async def act(
        context: Context, tx: Transaction, now_us: int
    ) -> tuple[DeskTopUp, Sequence[SupplierWord]]:
        seen = await waiting.get_seen(tx, transaction_id, now_us=now_us)
        said = (await load_words(tx, [transaction_id])).get(transaction_id, ())
        return replace(seen, can_be_asked=_can_be_asked(context, seen)), said

    found, kept = in_one(act)
    attempts = [
        {
            "supplier": one.supplier,
            "kind": one.kind,
            "outcome": one.outcome,
            "detail": one.detail,
            "requests_made": one.requests_made,
            "requested_at": rfc3339(one.requested_at),
            "last_requested_at": rfc3339(one.last_requested_at),
            "ended_at": None if one.ended_at is None else rfc3339(one.ended_at),
            "cost_cents": one.cost_cents,
        }
        for one in found.attempts
    ]
    given = found.topup.given
    record = {
        **waiting.shape(found),
        "status": found.topup.status,
        "failure_reason": found.topup.failure_reason,
        "deliverable": None if given is None else given.shape(),
        "means": MEANINGS[found.state],
        "acts": list(found.acts(who_acts(by))),
    }
    show_record(record, attempts=attempts, words=[one.shape() for one in kept])


@desk.command("take", epilog=examples("topup desk take txn_4Kp1"))
@_id
@_why
@by_option
@json_option
def take(transaction_id: str, reason: str | None, by: str | None) -> None:
    """Take a task, so that nobody else does it too."""
    _act(decisions.TakeTask, transaction_id, by, reason)


@desk.command("give-back", epilog=examples("topup desk give-back txn_4Kp1"))
@_id
@_why
@by_option
@json_option
def give_back(transaction_id: str, reason: str | None, by: str | None) -> None:
    """Release a task, so that anybody may take it. For somebody else's task the reason is required."""
    _act(decisions.GiveBackTask, transaction_id, by, reason)


@desk.command(
    "settle",
    epilog=examples(
        "topup desk settle txn_4Kp1 --kind code --value-file code.txt",
        "topup desk settle txn_4Kp1 --kind credit --checked --reason 'it is on their bill'",
    ),
)
@_id
@click.option(
    "--kind",
    type=click.Choice(get_args(DeliverableKind)),
    help="What the recipient gets; credit: it is in their account there already.",
)
@click.option(
    "--kept",
    "is_kept",
    is_flag=True,
    help="In place of --kind: what its supplier handed over and was kept, without its end.",
)
@click.option(
    "--value-file",
    type=click.File("r", encoding="utf-8"),
    help="A file with the code, key, link or note; - is standard input. It is sealed.",
)
@click.option("--redeem-url", help="The page on which it is used.")
@click.option("--instructions", help="How it is used, for the recipient.")
@click.option("--reason", help="How you know; needed but for a task.")
@_checked
@by_option
@json_option
def settle(
    transaction_id: str,
    kind: DeliverableKind | None,
    is_kept: bool,  # noqa: FBT001
    value_file: Any,
    redeem_url: str | None,
    instructions: str | None,
    reason: str | None,
    is_checked: bool,  # noqa: FBT001
    by: str | None,
) -> None:
    """End a top-up as delivered, with what was handed over."""
    if is_kept == (kind is not None):
        raise InvalidInput("Name either --kind or --kept.", param="kind")
    value = None if value_file is None else value_file.read(4_096).strip()
    given = None
    if kind is not None:
        try:
            given = checked_deliverable(Deliverable(kind, value, redeem_url, instructions))
        except DeliverableRefused as error:
            raise InvalidInput(str(error), param="value") from None

    async def handed_over(context: Context, topup: TopUp) -> dict[str, Any]:
        terms = context.suppliers.terms_of(
            topup.environment, topup.supplier, topup.platform, topup.amount_cents
        )
        return {"given": given or await _kept(context, topup.id), "terms": terms}

    _act(
        decisions.SettleByHand,
        transaction_id,
        by,
        reason,
        more_of=handed_over,
        is_checked=is_checked,
    )


async def _kept(context: Context, topup_id: str) -> Deliverable:
    """Return what its supplier handed over last and was stored; raise InvalidInput."""
    said = await context.database.read(lambda tx: load_words(tx, [topup_id]))
    found = last_handed_over(context.topup_rules.codes, said.get(topup_id, ()))
    if found is None:
        raise InvalidInput("Nothing is kept that its supplier handed over.", param="kept")
    return found


@desk.command(
    "seen", epilog=examples("topup desk seen txn_4Kp1 --reason 'their second code is void'")
)
@_id
@_reason
@by_option
@json_option
def seen_(transaction_id: str, reason: str, by: str | None) -> None:
    """Record that you have seen a supplier's late or contradictory word."""
    who = Person(Actor(), who_acts(by))

    async def act(_context: Context, tx: Transaction, now_us: int) -> int:
        found = await waiting.get_seen(tx, transaction_id, now_us=now_us)
        environment = found.topup.environment
        return await words.see(
            tx, environment, transaction_id, reason=reason, by=who, now_us=now_us
        )

    show_record({"transaction_id": transaction_id, "seen": in_one(act)})


@desk.command("refuse", epilog=examples("topup desk refuse txn_4Kp1 --reason 'sold out'"))
@_id
@_shown_reason
@by_option
@json_option
def refuse(transaction_id: str, reason: str, by: str | None) -> None:
    """Refuse a task: the platform's next supplier is called, or the funds return."""
    _act(decisions.RefuseTask, transaction_id, by, reason)


@desk.command("fail", epilog=examples("topup desk fail txn_4Kp1 --reason 'no such user'"))
@_id
@_shown_reason
@_checked
@by_option
@json_option
def fail(transaction_id: str, reason: str, is_checked: bool, by: str | None) -> None:  # noqa: FBT001
    """End a top-up as failed, and return its funds. No other supplier is called."""
    _act(decisions.FailByHand, transaction_id, by, reason, is_checked=is_checked)


@desk.command("retry", epilog=examples("topup desk retry txn_4Kp1"))
@_id
@_why
@by_option
@json_option
def retry(transaction_id: str, reason: str | None, by: str | None) -> None:
    """Call its supplier now instead of later: with the same transaction, or after checking whether it was
    done, as its kind requires.
    """
    _act(decisions.AskAgain, transaction_id, by, reason)


@desk.command(
    "not-done", epilog=examples("topup desk not-done txn_4Kp1 --reason 'not in their list'")
)
@_id
@_reason
@by_option
@json_option
def not_done(transaction_id: str, reason: str, by: str | None) -> None:
    """Record that you checked and the supplier did nothing. Then switch it, retry, settle or fail it; nobody
    is called until then.
    """
    _act(decisions.DeclareNotDone, transaction_id, by, reason)


@desk.command(
    "switch", epilog=examples("topup desk switch txn_4Kp1 by-hand --reason 'stock is empty'")
)
@_id
@click.argument("supplier")
@_reason
@by_option
@json_option
def switch(transaction_id: str, supplier: str, reason: str, by: str | None) -> None:
    """Have another supplier of the platform called. Refused while the present one's outcome is unknown."""
    _act(decisions.SwitchSupplier, transaction_id, by, reason, to=supplier)


def _can_be_asked(context: Context, seen: DeskTopUp) -> bool:
    return context.suppliers.can_be_asked(seen.topup.environment, seen.topup.supplier)


def _act(
    command: Callable[..., DeskCommand],
    transaction_id: str,
    by: str | None,
    reason: str | None,
    more_of: Callable[[Context, TopUp], Awaitable[dict[str, Any]]] | None = None,
    **more: Any,
) -> None:
    who = Person(Actor(), who_acts(by))

    async def act(context: Context) -> TopUp:
        now_us = context.clock.now_us()
        seen = await context.database.read(
            lambda tx: waiting.get_seen(tx, transaction_id, now_us=now_us)
        )
        found = {} if more_of is None else await more_of(context, seen.topup)
        known = {"can_be_asked": _can_be_asked(context, seen), **more, **found}
        ended = await context.engine.submit(
            command(transaction_id, seen.topup.tenant, who, reason, **known)
        )
        return ended.topup

    _show(opened(act))


@desk.command(
    "reverse",
    epilog=examples(
        "topup desk reverse txn_4Kp1 --reason 'sent to the wrong person'",
        "topup desk reverse txn_4Kp1 --reason 'disabled at the vendor' --revoked",
        "topup desk reverse txn_4Kp1 --reason 'the vendor says it was used' --kept",
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
@by_option
@json_option
def reverse(
    transaction_id: str,
    reason: str,
    is_revoked: bool | None,  # noqa: FBT001
    by: str | None,
) -> None:
    """Reverse an unused delivered top-up, and return its funds. Credit in a wallet here returns at once; what
    a supplier handed over, once that supplier or you said that nobody can use it any more.
    """

    async def act(context: Context) -> TopUp:
        done = await reverse_by_hand(
            context.database,
            context.clock,
            context.engine,
            context.suppliers,
            transaction_id,
            reason,
            by=Person(Actor(), who_acts(by)),
            is_revoked=is_revoked,
        )
        return done.topup

    _show(opened(act))


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
