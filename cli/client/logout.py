"""`topup logout`: remove a profile, and revoke its key if requested."""

from typing import Final

import click

from cli.client.profiles import Access, forget, load, profile_option
from cli.client.remote_gateway import RemoteAnswer, RemoteGateway
from cli.output import examples, fail, json_option, note, show_record

# The response code for a key that was revoked or has expired.
_ENDED: Final = 2010
_FOR_GOOD: Final = frozenset({"revoked", "expired"})


@click.command(epilog=examples("topup logout --revoke", "topup logout --profile staging"))
@click.option("--revoke", is_flag=True, help="Also revoke the key, and all keys created from it.")
@profile_option
@json_option
def logout(*, revoke: bool, profile: str) -> None:
    """Remove a profile from this machine. Its key stays valid unless you add --revoke."""
    kept = load().get(profile)
    if kept is None:
        raise fail(f"there is no profile {profile!r}")
    if revoke:
        # Revoke the key before removing the profile, because revoking needs the key.
        gateway = RemoteGateway(Access(url=kept.url, api_key=kept.api_key))
        answer = gateway.change("DELETE", "/keys/self", look="topup whoami", takes={_ENDED})
        _check_ended(answer)
    forget(profile)
    show_record({"forgotten": profile, "revoked": revoke})
    if not revoke:
        note("the key itself stays valid: revoke it in the dashboard or by another key")


def _check_ended(answer: RemoteAnswer) -> None:
    if answer.code != _ENDED:
        return
    reason = answer.data["error"].get("reason")
    if reason not in _FOR_GOOD:
        raise fail(f"the key doesn't work now, but may work again ({reason}): it was not revoked")
    note("the key had ended before")
