"""`topup whoami`: show which key is used, and what it may do now."""

from collections.abc import Mapping
from typing import Any

import click

from billing.reports.key_limit_acts import SHOW_OWN
from cli.acts.shown import print_result
from cli.client.profiles import access, profile_option
from cli.client.remote_gateway import RemoteGateway
from cli.output import dollars_of, examples, json_option, wants_json

_ANY = ("platforms", "recipients", "max_now_cents")


@click.command(epilog=examples("topup whoami", "topup whoami --profile staging --json"))
@profile_option
@json_option
def whoami(profile: str) -> None:
    """Show the name, environment, scopes and remaining limits of the key in use."""
    given = access(profile)
    own = {"url": given.url, **RemoteGateway(given).get(SHOW_OWN.path).data}
    if not wants_json():
        own |= {name: "any" for name in _ANY if own[name] is None}
        own["limits"] = [_limit(one) for one in own["limits"]]
    print_result(SHOW_OWN.result, own)


def _limit(one: Mapping[str, Any]) -> dict[str, Any]:
    words = dollars_of if one["unit"] == "cents" else str
    seconds = one["seconds"]
    return {
        "what": one["cap"] + ("" if seconds is None else f" of {seconds} s"),
        "left": f"{words(one['remaining'])} of {words(one['limit'])}",
        "resets_at": one["resets_at"],
    }
