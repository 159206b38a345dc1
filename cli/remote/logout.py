"""`topup logout`: forgets a profile."""

import click

from cli.examples import examples
from cli.output import fail, json_option, note, show_record
from cli.remote.profiles import forget, profile_option


@click.command(epilog=examples("topup logout", "topup logout --profile staging"))
@profile_option
@json_option
def logout(profile: str) -> None:
    """Forget a profile on this machine; its key stays valid until it is revoked."""
    if not forget(profile):
        raise fail(f"there is no profile {profile!r}")
    show_record({"forgotten": profile})
    note("the key itself stays valid: revoke it in the dashboard or by another key")
