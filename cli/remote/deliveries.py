"""`topup deliveries`: the webhook delivery log of an account, over HTTP or on the database."""

from collections.abc import Sequence
from typing import Any, Final

import click

from cli.examples import examples
from cli.output import json_option, note, show_record, show_rows
from cli.remote.arguments import IdOf, page_options
from cli.remote.client import RemoteGateway
from cli.remote.profiles import access, profile_option
from cli.two_ways import TwoWays

STATUSES: Final = ("cancelled", "delivered", "failed", "pending", "sending")


@click.group(
    cls=TwoWays,
    operator="cli.merchant.deliveries:deliveries",
    epilog=examples(
        "topup deliveries list --status failed --profile default",
        "topup deliveries replay dlv_5Fxp dlv_5Fxq",
        "topup deliveries cancel dlv_5Fxp",
    ),
)
def deliveries() -> None:
    """The webhook delivery log: list, show, send again, cancel."""


@deliveries.command("list", epilog=examples("topup deliveries list --status failed"))
@click.option("--status", type=click.Choice(STATUSES), help="Only those in this state.")
@click.option("--endpoint", "endpoint_id", help="An endpoint's id.")
@click.option("--event", "event_type", help="A type such as topup.delivered.")
@click.option("--transaction", "transaction_id", help="A top-up's id.")
@page_options
@profile_option
@json_option
def list_(*, profile: str, **filters: Any) -> None:
    """List deliveries, newest first."""
    page = RemoteGateway(access(profile)).page("/deliveries", **filters)
    columns = ("id", "event_type", "status", "endpoint_id", "attempts_made", "created_at")
    show_rows(page["items"], *columns, next_cursor=page["next_cursor"])


@deliveries.command("show", epilog=examples("topup deliveries show dlv_5Fxp"))
@click.argument("delivery_id", type=IdOf("dlv"))
@profile_option
@json_option
def show(*, delivery_id: str, profile: str) -> None:
    """Show one delivery with its attempts."""
    found = RemoteGateway(access(profile)).get(f"/deliveries/{delivery_id}").data
    show_record(found, attempts=found.pop("attempts"))


@deliveries.command("replay", epilog=examples("topup deliveries replay dlv_5Fxp dlv_5Fxq"))
@click.argument("delivery_ids", nargs=-1, required=True, type=IdOf("dlv"))
@profile_option
@json_option
def replay(*, delivery_ids: Sequence[str], profile: str) -> None:
    """Send deliveries again: the same event and bytes, a fresh signature."""
    gateway = RemoteGateway(access(profile))
    rows = []
    for one in delivery_ids:
        look = f"topup deliveries show {one}"
        made = gateway.change("POST", f"/deliveries/{one}/replay", {}, look=look).data
        rows.append({"id": made["id"], "replay_of": one})
    show_rows(rows, "id", "replay_of")
    note(f"{len(rows)} queued")


@deliveries.command("cancel", epilog=examples("topup deliveries cancel dlv_5Fxp dlv_5Fxq"))
@click.argument("delivery_ids", nargs=-1, required=True, type=IdOf("dlv"))
@profile_option
@json_option
def cancel(*, delivery_ids: Sequence[str], profile: str) -> None:
    """End deliveries that wait for their next attempt: they are not sent any more."""
    gateway = RemoteGateway(access(profile))
    rows = []
    for one in delivery_ids:
        look = f"topup deliveries show {one}"
        ended = gateway.change("POST", f"/deliveries/{one}/cancel", {}, look=look).data
        rows.append({"id": ended["id"], "status": ended["status"]})
    show_rows(rows, "id", "status")
    note(f"{len(rows)} cancelled")
