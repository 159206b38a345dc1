"""`topup whoami`: show which key is used, and what it may do now."""

from collections.abc import Mapping
from typing import Any

import click

from cli.client.profiles import access, profile_option
from cli.client.remote_gateway import RemoteGateway
from cli.output import dollars_of, examples, json_option, print_json, show_record, wants_json


@click.command(epilog=examples("topup whoami", "topup whoami --profile staging --json"))
@profile_option
@json_option
def whoami(profile: str) -> None:
    """Show the name, environment and scopes of the key that is used, and how much of its limits is left."""
    given = access(profile)
    own = RemoteGateway(given).get("/keys/self").data
    if wants_json():
        print_json({"url": given.url, **own})
        return
    most = own["max_now_cents"]
    show_record(
        {
            "url": given.url,
            "key_id": own["id"],
            "name": own["name"],
            "environment": own["environment"],
            "paused": own["paused"],
            "scopes": own["scopes"],
            "platforms": own["platforms"] or "any",
            "recipients": own["recipients"] or "anybody",
            "most now": "not limited" if most is None else dollars_of(most),
            "expires_at": own["expires_at"],
        },
        limit=[_limit(one) for one in own["limits"]],
    )


def _limit(one: Mapping[str, Any]) -> dict[str, Any]:
    words = dollars_of if one["unit"] == "cents" else str
    seconds = one["seconds"]
    return {
        "what": one["cap"] + ("" if seconds is None else f" of {seconds} s"),
        "left": f"{words(one['remaining'])} of {words(one['limit'])}",
        "resets_at": one["resets_at"],
    }
