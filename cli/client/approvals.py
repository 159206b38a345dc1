"""`topup approvals`: sends that wait for a decision: list, show, approve, deny."""

from collections.abc import Mapping
from typing import Any, Literal

import click

from cli.client.arguments import IdOf, page_options
from cli.client.consent import confirm
from cli.client.money import dollars_of
from cli.client.profiles import access, profile_option
from cli.client.remote_gateway import RemoteGateway
from cli.examples import examples
from cli.output import json_option, show_record, show_rows, visible, wants_json


@click.group(epilog=examples("topup approvals list --status pending"))
def approvals() -> None:
    """Sends that wait for a decision: list, show, approve, deny."""


@approvals.command("list", epilog=examples("topup approvals list --status pending"))
@click.option(
    "--status",
    type=click.Choice(["pending", "approved", "denied", "cancelled", "expired"]),
    help="Only those in this state.",
)
@page_options
@profile_option
@json_option
def list_(*, status: str | None, limit: int, cursor: str | None, profile: str) -> None:
    """List approvals, newest first."""
    page = RemoteGateway(access(profile)).page(
        "/approvals", status=status, limit=limit, cursor=cursor
    )
    rows = [{**one, "amount": dollars_of(one["amount_cents"])} for one in page["items"]]
    columns = ("id", "status", "amount", "platform", "recipient_email")
    show_rows(rows, *columns, next_cursor=page["next_cursor"])


@approvals.command("show", epilog=examples("topup approvals show apr_5Fxp"))
@click.argument("approval_id", type=IdOf("apr"))
@profile_option
@json_option
def show(*, approval_id: str, profile: str) -> None:
    """Show one approval: what it decides on, and who asked."""
    _show(RemoteGateway(access(profile)).get(f"/approvals/{approval_id}").data)


@approvals.command("approve", epilog=examples("topup approvals approve apr_5Fxp"))
@click.argument("approval_id", type=IdOf("apr"))
@click.option("--yes", is_flag=True, help="Do not ask before live credit is spent.")
@profile_option
@json_option
def approve(*, approval_id: str, yes: bool, profile: str) -> None:
    """Approve a send. The key must be outside the lineage of the requesting key."""
    given = access(profile)
    gateway = RemoteGateway(given)
    if not yes and not given.is_staging:
        asked = gateway.get(f"/approvals/{approval_id}").data
        amount = dollars_of(asked["amount_cents"])
        what = f"Approve {amount} of {asked['platform']} to {asked['recipient_email']}"
        confirm(given, visible(what))
    _decide(gateway, approval_id, "approve")


@approvals.command("deny", epilog=examples("topup approvals deny apr_5Fxp"))
@click.argument("approval_id", type=IdOf("apr"))
@profile_option
@json_option
def deny(*, approval_id: str, profile: str) -> None:
    """Cancel a send; its funds return."""
    _decide(RemoteGateway(access(profile)), approval_id, "deny")


def _decide(gateway: RemoteGateway, approval_id: str, decision: Literal["approve", "deny"]) -> None:
    look = f"topup approvals show {approval_id}"
    gateway.change("POST", f"/approvals/{approval_id}/{decision}", {}, look=look)
    _show(gateway.get(f"/approvals/{approval_id}").data)


def _show(asked: Mapping[str, Any]) -> None:
    if wants_json():
        show_record(asked)
        return
    requester = asked["requester"] or {}
    shown = ("id", "status", "transaction_id", "platform", "recipient_email", "note", "expires_at")
    show_record(
        {
            "amount": dollars_of(asked["amount_cents"]),
            **{name: asked[name] for name in shown},
            "asked by": requester.get("key_name") or requester.get("key_id"),
            "why": "its sender left" if asked["reason"] == "sender_left" else "above the threshold",
            "sender": asked["sender_email"],
            "decided_by": asked["decided_by"],
            "page": asked["url"],
        }
    )
