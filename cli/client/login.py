"""`topup login`: get a key through the browser, or take an existing one, and store it."""

import sys

import click

from cli.client.address import checked_url
from cli.client.device import key_by_browser, own_name
from cli.client.profiles import DEFAULT, URL_VARIABLE, Access, Profile, keep, load, profile_option
from cli.client.remote_gateway import RemoteGateway
from cli.examples import examples
from cli.output import EXIT_USAGE, fail, json_option, note, show_record


@click.command(
    epilog=examples(
        "topup login --url https://topup.acme.example",
        "topup login --with-key --url https://topup.acme.example",
        "topup login --with-key --url http://127.0.0.1:8000 --profile staging",
    )
)
@click.option("--with-key", is_flag=True, help="Take an API key from a prompt or standard input.")
@click.option(
    "--url", envvar=URL_VARIABLE, required=True, help=f"The gateway's; else {URL_VARIABLE}."
)
@click.option("--name", help="Name of the key; default: this machine's name.")
@click.option("--no-browser", is_flag=True, help="Only print the address; open nothing.")
@click.option("--allow-http", is_flag=True, help="Even where http:// leaves this machine.")
@profile_option
@json_option
def login(
    *,
    with_key: bool,
    url: str,
    name: str | None,
    no_browser: bool,
    allow_http: bool,
    profile: str,
) -> None:
    """Log in: get a key by the browser, and store it with the gateway's address, readable by you alone.

    A code is shown here and in the dashboard: compare the two, pick environment and scopes there, and allow
    it. The key is then listed among yours, named after this machine. With --with-key a key that you have is
    read without being shown, or from standard input; it is never an argument.
    """
    if with_key and (name is not None or no_browser):
        raise click.UsageError("--name and --no-browser are for a login by the browser")
    if not profile.strip():
        raise click.UsageError(f"--profile needs a name, such as {DEFAULT}")
    address = checked_url(url, source="--url", allows_http=allow_http)
    if with_key:
        key = _read_key()
        own = RemoteGateway(Access(url=address, api_key=key)).get("/keys/self").data
    else:
        # It is given once: store it before anything else can fail.
        own = key_by_browser(address, name=name or own_name(), opens_browser=not no_browser)
        key = str(own["key"])
    before = load().get(profile)
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
    if before is not None and before.api_key != key:
        note(f"the key that {profile!r} had before stays valid until it is revoked")


def _read_key() -> str:
    if sys.stdin.isatty():
        key = click.prompt("API key", hide_input=True, err=True).strip()
    else:
        key = sys.stdin.readline().strip()
    # No header can have anything but visible ASCII.
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise fail(
            "no API key on standard input",
            advice="one line, such as from `pass show topup | topup login --with-key`",
            exit_code=EXIT_USAGE,
        )
    return key
