"""`topup topups`: an account's top-ups over HTTP."""

from collections.abc import Mapping
from typing import Any, Final

import click

from cli.client.money import dollars_of
from cli.client.profiles import access, profile_option
from cli.client.remote_gateway import RemoteAnswer, RemoteGateway
from cli.examples import examples
from cli.options import IdOf, limit_option
from cli.output import json_option, print_json, show_record, show_rows, wants_json

_STATUSES: Final = (
    *("delivered", "pending", "scheduled", "failed", "cancelled", "reversing", "reversed"),
)
_SHOWN: Final = (
    *("transaction_id", "status", "platform", "recipient_email", "voucher_code", "claim_url"),
    *("reference", "note", "failure_reason", "approval_id", "key_name"),
    *("scheduled_for", "created_at", "settled_at", "claimed_at"),
)
_transaction = click.argument("transaction_id", type=IdOf("txn"))


@click.group(
    epilog=examples(
        "topup topups list --status pending",
        "topup topups cancel txn_4Kp1",
    ),
)
def topups() -> None:
    """An account's top-ups; operators have `topup desk`."""


@topups.command("list", epilog=examples("topup topups list --status failed"))
@click.option("--status", type=click.Choice(_STATUSES), help="Only those in this state.")
@click.option("--platform", help="Only those of this platform.")
@click.option("--recipient", "recipient_email", help="Only those to this address.")
@click.option("--reference", help="Only the one with this reference of yours.")
@click.option("--key", "key_id", type=IdOf("key"), help="Only those that this key sent.")
@limit_option
@click.option("--cursor", help="The next_cursor of the page before.")
@profile_option
@json_option
def list_(*, profile: str, **filters: Any) -> None:
    """List an account's top-ups, newest first."""
    page = RemoteGateway(access(profile)).page("/topup/history", **filters)
    rows = [_row(one) for one in page["items"]]
    columns = ("transaction_id", "status", "amount", "platform", "recipient_email", "created_at")
    show_rows(rows, *columns, next_cursor=page["next_cursor"])


@topups.command("show", epilog=examples("topup topups show txn_4Kp1"))
@_transaction
@profile_option
@json_option
def show(*, transaction_id: str, profile: str) -> None:
    """Show a top-up: what it is, what became of it, and its events."""
    story = RemoteGateway(access(profile)).get(f"/topup/status/{transaction_id}").data
    if wants_json():
        print_json(story)
        return
    events = [{"id": one["id"], "type": one["type"]} for one in story["events"]]
    show_record(_record(story), event=events)


@topups.command("cancel", epilog=examples("topup topups cancel txn_4Kp1"))
@_transaction
@profile_option
@json_option
def cancel(*, transaction_id: str, profile: str) -> None:
    """Cancel a scheduled or pending top-up; its funds return."""
    body = {"transaction_id": transaction_id}
    _change("/topup/cancel", body, transaction_id, profile)


@topups.command(
    "reverse", epilog=examples("topup topups reverse txn_4Kp1 --reason 'sent to the wrong person'")
)
@_transaction
@click.option("--reason", required=True, help="Why; the event and the history tell it.")
@profile_option
@json_option
def reverse(*, transaction_id: str, reason: str, profile: str) -> None:
    """Reverse a delivered top-up that wasn't used."""
    _change(f"/topup/{transaction_id}/reverse", {"reason": reason}, transaction_id, profile)


@topups.command("resend", epilog=examples("topup topups resend txn_4Kp1"))
@_transaction
@profile_option
@json_option
def resend(*, transaction_id: str, profile: str) -> None:
    """Send the recipient's mail about a delivered top-up again."""
    gateway = RemoteGateway(access(profile))
    look = f"topup topups show {transaction_id}"
    show_record(gateway.change("POST", f"/topup/{transaction_id}/resend", {}, look=look).data)


def _change(path: str, body: Mapping[str, Any], transaction_id: str, profile: str) -> None:
    look = f"topup topups show {transaction_id}"
    answer: RemoteAnswer = RemoteGateway(access(profile)).change("POST", path, body, look=look)
    show_record(answer.data if wants_json() else _record(answer.data))


def _row(topup: Mapping[str, Any]) -> dict[str, Any]:
    return {**topup, "amount": dollars_of(topup["amount_cents"])}


def _record(topup: Mapping[str, Any]) -> dict[str, Any]:
    given = {name: topup[name] for name in _SHOWN if topup.get(name) is not None}
    return {"amount": dollars_of(topup["amount_cents"]), **given}
