"""`topup logout`: forgets a profile, and ends its key if asked."""

import click

from cli.examples import examples
from cli.output import fail, json_option, note, show_record
from cli.remote.client import RemoteGateway
from cli.remote.profiles import Access, forget, load, profile_option


@click.command(epilog=examples("topup logout --revoke", "topup logout --profile staging"))
@click.option("--revoke", is_flag=True, help="End the key itself, too, and all that came from it.")
@profile_option
@json_option
def logout(*, revoke: bool, profile: str) -> None:
    """Forget a profile on this machine; its key stays valid until it is revoked."""
    kept = load().get(profile)
    if kept is None:
        raise fail(f"there is no profile {profile!r}")
    if revoke:
        # First: a key that nobody holds any more could not be ended from here.
        gateway = RemoteGateway(Access(url=kept.url, api_key=kept.api_key))
        gateway.change("DELETE", "/keys/self", look="topup whoami")
    forget(profile)
    show_record({"forgotten": profile, "revoked": revoke})
    if not revoke:
        note("the key itself stays valid: revoke it in the dashboard or by another key")
