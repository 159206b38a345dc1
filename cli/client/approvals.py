"""`topup approvals`: sends that wait for a decision."""

from typing import Literal

import click

from billing.topups.approval_acts import ACTS, AskedApproval
from cli.acts.command import group_of
from cli.acts.shown import print_result
from cli.client.consent import confirm
from cli.client.money import dollars_of
from cli.client.profiles import access, profile_option
from cli.client.remote_gateway import RemoteGateway
from cli.examples import examples
from cli.options import IdOf
from cli.output import json_option, visible


@click.command("approve", epilog=examples("topup approvals approve apr_5Fxp"))
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


@click.command("deny", epilog=examples("topup approvals deny apr_5Fxp"))
@click.argument("approval_id", type=IdOf("apr"))
@profile_option
@json_option
def deny(*, approval_id: str, profile: str) -> None:
    """Cancel a send; its funds return."""
    _decide(RemoteGateway(access(profile)), approval_id, "deny")


def _decide(gateway: RemoteGateway, approval_id: str, decision: Literal["approve", "deny"]) -> None:
    look = f"topup approvals show {approval_id}"
    gateway.change("POST", f"/approvals/{approval_id}/{decision}", {}, look=look)
    print_result(AskedApproval, gateway.get(f"/approvals/{approval_id}").data)


approvals = group_of("approvals", "Sends that wait for a decision.", ACTS, approve, deny)
