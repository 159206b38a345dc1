"""`topup login`: keeps a gateway's address and a key for the other commands."""

import sys

import click

from cli.examples import examples
from cli.output import EXIT_USAGE, fail, json_option, show_record
from cli.remote.address import checked_url
from cli.remote.client import RemoteGateway
from cli.remote.profiles import DEFAULT, URL_VARIABLE, Access, Profile, keep, profile_option


@click.command(
    epilog=examples(
        "topup login --with-key --url https://topup.acme.example",
        "topup login --with-key --url http://127.0.0.1:8000 --profile staging",
    )
)
@click.option("--with-key", is_flag=True, help="Take an API key from a prompt or standard input.")
@click.option(
    "--url", envvar=URL_VARIABLE, required=True, help=f"The gateway's; else {URL_VARIABLE}."
)
@click.option("--allow-http", is_flag=True, help="Even where http:// leaves this machine.")
@profile_option
@json_option
def login(*, with_key: bool, url: str, allow_http: bool, profile: str) -> None:
    """Keep a gateway's address and a key for the other commands, readable by you alone.

    The key is asked for without being shown, or read from standard input; it is never an argument.
    The gateway is asked whose it is before it is kept.
    """
    if not with_key:
        raise click.UsageError("say --with-key: a key is the one way to log in")
    if not profile.strip():
        raise click.UsageError(f"--profile needs a name, such as {DEFAULT}")
    address = checked_url(url, source="--url", allows_http=allow_http)
    key = _read_key()
    own = RemoteGateway(Access(url=address, api_key=key)).get("/keys/self").data
    keep(profile, Profile(url=address, api_key=key, environment=own["environment"]))
    show_record(
        {
            "profile": profile,
            "url": address,
            "key_id": own["id"],
            "name": own["name"],
            "environment": own["environment"],
        }
    )


def _read_key() -> str:
    if sys.stdin.isatty():
        key = click.prompt("API key", hide_input=True, err=True).strip()
    else:
        key = sys.stdin.readline().strip()
    # What is no visible ASCII can be in no header.
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise fail(
            "no API key on standard input",
            advice="one line, such as from `pass show topup | topup login --with-key`",
            exit_code=EXIT_USAGE,
        )
    return key
