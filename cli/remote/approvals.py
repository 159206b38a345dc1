"""`topup approvals`: sends that wait for a decision: list, show, approve, deny."""

import re
import secrets
from collections.abc import Mapping
from typing import Any, Literal

import click

from cli.examples import examples
from cli.output import json_option, show_record, show_rows, visible, wants_json
from cli.remote.client import RemoteGateway
from cli.remote.consent import confirm
from cli.remote.money import dollars_of
from cli.remote.profiles import access, profile_option


class ApprovalId(click.ParamType[str]):
    """An approval's id: nothing else may stand in the path of a call."""

    name = "APPROVAL_ID"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not re.fullmatch(r"apr_[0-9A-Za-z]+", str(value)):
            self.fail("an approval's id begins with apr_", param, ctx)
        return str(value)


@click.group(epilog=examples("topup approvals list --status pending"))
def approvals() -> None:
    """Sends that wait for a decision: list, show, approve, deny."""


@approvals.command("list", epilog=examples("topup approvals list --status pending"))
@click.option(
    "--status",
    type=click.Choice(["pending", "approved", "denied", "cancelled", "expired"]),
    help="Only those in this state.",
)
@click.option(
    "--limit", type=click.IntRange(1, 100), default=20, show_default=True, help="How many at most."
)
@click.option("--cursor", help="The next_cursor of the page before.")
@profile_option
@json_option
def list_(*, status: str | None, limit: int, cursor: str | None, profile: str) -> None:
    """List approvals, newest first."""
    asked = {"status": status, "limit": limit, "cursor": cursor}
    wanted = {name: value for name, value in asked.items() if value is not None}
    found = RemoteGateway(access(profile)).get("/approvals", **wanted).data
    rows = [{**one, "amount": dollars_of(one["amount_cents"])} for one in found["items"]]
    columns = ("id", "status", "amount", "platform", "recipient_email")
    show_rows(rows, *columns, next_cursor=found["next_cursor"])


@approvals.command("show", epilog=examples("topup approvals show apr_5Fxp"))
@click.argument("approval_id", type=ApprovalId())
@profile_option
@json_option
def show(*, approval_id: str, profile: str) -> None:
    """Show one approval: what it decides on, and who asked."""
    _show(RemoteGateway(access(profile)).get(f"/approvals/{approval_id}").data)


@approvals.command("approve", epilog=examples("topup approvals approve apr_5Fxp"))
@click.argument("approval_id", type=ApprovalId())
@click.option("--yes", is_flag=True, help="Do not ask before live credit is spent.")
@profile_option
@json_option
def approve(*, approval_id: str, yes: bool, profile: str) -> None:
    """Let a send go on. The key must lie outside the lineage of the key that asked."""
    given = access(profile)
    gateway = RemoteGateway(given)
    if not yes and not given.is_staging:
        asked = gateway.get(f"/approvals/{approval_id}").data
        amount = dollars_of(asked["amount_cents"])
        what = f"Approve {amount} of {asked['platform']} to {asked['recipient_email']}"
        confirm(given, visible(what))
    _decide(gateway, approval_id, "approve")


@approvals.command("deny", epilog=examples("topup approvals deny apr_5Fxp"))
@click.argument("approval_id", type=ApprovalId())
@profile_option
@json_option
def deny(*, approval_id: str, profile: str) -> None:
    """Cancel a send; its funds return."""
    _decide(RemoteGateway(access(profile)), approval_id, "deny")


def _decide(gateway: RemoteGateway, approval_id: str, decision: Literal["approve", "deny"]) -> None:
    # Deciding the same again changes nothing, so each try may have a key of its own.
    key = f"cli-{secrets.token_hex(16)}"
    gateway.post(f"/approvals/{approval_id}/{decision}", {}, idempotency_key=key)
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
            "decided_by": asked["decided_by"],
            "page": asked["url"],
        }
    )
