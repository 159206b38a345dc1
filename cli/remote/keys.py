"""`topup keys`: the keys that yours may look after, over HTTP; an operator's commands are on the database."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

import click

from cli.examples import examples
from cli.key_options import REMOVABLE, given, limit_options
from cli.output import json_option, note, print_json, show_record, show_rows, wants_json
from cli.remote.arguments import IdOf, page_options
from cli.remote.client import RemoteGateway
from cli.remote.profiles import access, profile_option
from cli.two_ways import TwoWays
from kernel.clock import rfc3339
from keys.api_keys.presets import PresetName

_key = click.argument("key_id", type=IdOf("key"))


@click.group(
    cls=TwoWays,
    operator="cli.merchant.keys:keys",
    epilog=examples(
        "topup keys create --name agent --per-day-cents 5000 --profile default",
        "topup keys create --account ops@acme.example",
        "topup keys revoke key_7Hn2",
    ),
)
def keys() -> None:
    """API keys: those below your own over HTTP; any, and tokens, as the operator."""


@keys.command(
    "create",
    epilog=examples("topup keys create --name agent --per-day-cents 5000 --scope topup:send"),
)
@click.option("--name", default="cli", show_default=True, help="What people call it.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    help="Repeat for several; default: over HTTP topup:send and topup:read.",
)
@click.option("--ip-allow", "ip_allow_list", multiple=True, help="A CIDR; repeat for several.")
@click.option(
    "--preset",
    type=click.Choice(get_args(PresetName)),
    help="agent: refuse a repeated send, and ask for limits of a day.",
)
@limit_options
@profile_option
@json_option
def create(
    *,
    name: str,
    scopes: Sequence[str],
    ip_allow_list: Sequence[str],
    preset: str | None,
    profile: str,
    **limits: Any,
) -> None:
    """Create a key below your own. It is shown once."""
    body = {"name": name, "ip_allow_list": list(ip_allow_list), **_body(limits)}
    body |= {"scopes": list(scopes)} if scopes else {}
    body |= {"preset": preset} if preset else {}
    gateway = RemoteGateway(access(profile))
    made = gateway.change("POST", "/keys", body, look="topup keys list").data
    show_record(made)
    note("the key is shown this once")


@keys.command("list", epilog=examples("topup keys list --profile default"))
@page_options
@profile_option
@json_option
def list_(*, limit: int, cursor: str | None, profile: str) -> None:
    """List your key and those below it, newest first."""
    page = RemoteGateway(access(profile)).page("/keys", limit=limit, cursor=cursor)
    rows = [{**one, "state": _state(one)} for one in page["items"]]
    columns = ("id", "name", "last4", "state", "last_used_at", "scopes")
    show_rows(rows, *columns, next_cursor=page["next_cursor"])


@keys.command("show", epilog=examples("topup keys show key_7Hn2 --profile default"))
@_key
@profile_option
@json_option
def show(*, key_id: str, profile: str) -> None:
    """Show one key."""
    show_record(RemoteGateway(access(profile)).get(f"/keys/{key_id}").data)


@keys.command(
    "set",
    epilog=examples("topup keys set key_7Hn2 --per-day-cents 5000 --no recipients"),
)
@_key
@click.option("--name", help="What people call it.")
@limit_options
@click.option(
    "--no",
    "removed",
    type=click.Choice(sorted(REMOVABLE)),
    multiple=True,
    help="Take a limit away; repeat for several.",
)
@profile_option
@json_option
def set_(
    *, key_id: str, name: str | None, removed: Sequence[str], profile: str, **limits: Any
) -> None:
    """Change a key's name and limits; what is not named stays."""
    body = _body(limits) | ({} if name is None else {"name": name})
    body |= {REMOVABLE[word]: None for word in removed}
    _change("PATCH", key_id, profile, body=body)


@keys.command("pause", epilog=examples("topup keys pause key_7Hn2"))
@_key
@profile_option
@json_option
def pause(*, key_id: str, profile: str) -> None:
    """Stop a key and every key made by it, until it is resumed."""
    _change("POST", key_id, profile, "/pause")


@keys.command("resume", epilog=examples("topup keys resume key_7Hn2"))
@_key
@profile_option
@json_option
def resume(*, key_id: str, profile: str) -> None:
    """Let a paused key go on. Over HTTP yours must be of another lineage."""
    _change("POST", key_id, profile, "/resume")


@keys.command("revoke", epilog=examples("topup keys revoke key_7Hn2"))
@_key
@profile_option
@json_option
def revoke(*, key_id: str, profile: str) -> None:
    """End a key and every key made by it, for good."""
    _change("DELETE", key_id, profile)


@keys.command("rotate", epilog=examples("topup keys rotate key_7Hn2 --overlap-s 3600"))
@_key
@click.option(
    "--overlap-s", type=int, default=0, show_default=True, help="Old secret's rest, in s."
)
@profile_option
@json_option
def rotate(*, key_id: str, overlap_s: int, profile: str) -> None:
    """Give a key a new secret; id, lineage and counters stay. It is shown once."""
    _change("POST", key_id, profile, "/rotate", {"overlap_s": overlap_s})
    note("the key is shown this once")


@keys.command("tree", epilog=examples("topup keys tree key_7Hn2 --profile default"))
@_key
@profile_option
@json_option
def tree(*, key_id: str, profile: str) -> None:
    """Show a key and every key made by it, each with its limits and what is left of them."""
    found = RemoteGateway(access(profile)).get(f"/keys/{key_id}/tree").data
    if wants_json():
        print_json(found)
        return
    rows = [
        {**limit, "id": one["id"], "name": one["name"], "state": _state(one)}
        for one in found["keys"]
        for limit in one["limits"] or [{}]
    ]
    show_rows(rows, "id", "name", "state", "cap", "limit", "remaining")


def _change(
    method: str,
    key_id: str,
    profile: str,
    act: str = "",
    body: Mapping[str, Any] | None = None,
) -> None:
    gateway, look = RemoteGateway(access(profile)), f"topup keys show {key_id}"
    show_record(gateway.change(method, f"/keys/{key_id}{act}", body, look=look).data)


def _body(limits: Mapping[str, Any]) -> dict[str, Any]:
    """What was given of the limits, as the API has them."""
    named = {name: value for name, value in given(limits).items() if value is not None}
    if "windows" in named:
        named["windows"] = [
            {"seconds": one.seconds, "cents": one.cents} for one in named["windows"]
        ]
    if "expires_at" in named:
        named["expires_at"] = rfc3339(named["expires_at"])
    return named


def _state(key: Mapping[str, Any]) -> str:
    if key["revoked_at"] is not None:
        return "revoked"
    return "paused" if key["paused_at"] is not None else "active"
