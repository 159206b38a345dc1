"""`topup login`: get a key through the browser or use an existing one, and store it."""

import platform
import sys
import time
from collections.abc import Mapping
from typing import Any, Final

import click
import httpx
import msgspec

from cli.client.profiles import (
    API_PATH,
    DEFAULT,
    URL_VARIABLE,
    Access,
    Profile,
    checked_url,
    is_sendable,
    load,
    note_asked,
    profile_option,
    save,
)
from cli.client.remote_gateway import RemoteGateway
from cli.output import EXIT_UNREACHABLE, EXIT_USAGE, examples, fail, json_option, note, show_record

_NAME_CHARACTERS_MAX: Final = 60
_ANSWER_S: Final = 30.0
_PENDING: Final = 202
_TOO_MANY: Final = 429


def own_name() -> str:
    """Return this machine's name, limited to characters that a header and a page can show."""
    name = "".join(one for one in platform.node() if one.isprintable()).strip()
    return name[:_NAME_CHARACTERS_MAX] or "a machine without a name"


def key_by_browser(url: str, *, name: str, opens_browser: bool) -> Mapping[str, Any]:
    """Return the API's data for the new key that a user allowed in the browser. Exit if the login is refused."""
    note_asked(url)
    http = httpx.Client(
        base_url=url + API_PATH, headers={"User-Agent": "topup-cli"}, timeout=_ANSWER_S
    )
    with http:
        begun = _post(http, "/cli/login", {"name": name})
        if begun.status_code != httpx.codes.CREATED:
            raise _refused(begun)
        login = _data(begun)
        _invite(login, opens_browser=opens_browser)
        return _key(http, login)


def _invite(login: Mapping[str, Any], *, opens_browser: bool) -> None:
    page = str(login["verification_url_complete"])
    note(f"your code: {login['user_code']}")
    note(f"open {page}, or type the code in at {login['verification_url']}, and compare it")
    # Don't let a gateway's address start a program or open a file.
    if not page.startswith(("https://", "http://")) or not opens_browser:
        return
    if sys.stdin.isatty():
        note("Enter opens the browser; Ctrl-C gives up")
        sys.stdin.readline()
        click.launch(page)


def _key(http: httpx.Client, login: Mapping[str, Any]) -> Mapping[str, Any]:
    until = time.monotonic() + int(login["expires_in"])
    interval_s = int(login["interval"])
    note("waiting for you to allow it there")
    while time.monotonic() < until:
        time.sleep(interval_s)
        answer = _post(http, "/cli/login/token", {"device_code": login["device_code"]})
        if answer.status_code == httpx.codes.CREATED:
            made: Mapping[str, Any] = _data(answer)
            return made
        if answer.status_code == _PENDING:
            interval_s = int(_data(answer)["interval"])
        elif answer.status_code == _TOO_MANY:
            after = answer.headers.get("retry-after", "")
            interval_s = max(interval_s, int(after) if after.isdecimal() else 0)
        elif answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR:
            raise _refused(answer)
    raise fail("nobody allowed it in time", advice="run `topup login` again")


def _post(http: httpx.Client, path: str, body: Mapping[str, Any]) -> httpx.Response:
    try:
        return http.post(path, json=body)
    except httpx.TransportError as error:
        if path == "/cli/login/token":
            return httpx.Response(httpx.codes.SERVICE_UNAVAILABLE)
        raise fail(
            f"{http.base_url.host} cannot be reached: {error or type(error).__name__}",
            advice="is it running, and is the address right?",
            exit_code=EXIT_UNREACHABLE,
        ) from None


def _data(answer: httpx.Response) -> Any:
    try:
        return msgspec.json.decode(answer.content)["data"]
    except (msgspec.DecodeError, LookupError, TypeError):
        raise _stranger(answer) from None


def _refused(answer: httpx.Response) -> click.exceptions.Exit:
    try:
        body = msgspec.json.decode(answer.content)
        error = body["data"]["error"]
        detail, reason, code = str(error["detail"]), error.get("reason"), body["code"]
    except (msgspec.DecodeError, LookupError, TypeError, AttributeError):
        return _stranger(answer)
    advice = "a key that was made and not received is listed in the dashboard: revoke it there"
    return fail(
        f"{detail} (code {code})",
        advice=advice if reason == "expired_token" else "",
        facts={"code": code, "reason": reason},
    )


def _stranger(answer: httpx.Response) -> click.exceptions.Exit:
    return fail(
        f"HTTP {answer.status_code}, which is not the response of a Topup Gateway with login by browser",
        advice="check the address, or log in with --with-key",
        exit_code=EXIT_UNREACHABLE,
    )


@click.command(
    epilog=examples(
        "topup login --url https://topup.acme.example",
        "topup login --with-key --url https://topup.acme.example",
        "topup login --with-key --url http://127.0.0.1:8000 --profile staging",
    )
)
@click.option(
    "--with-key", is_flag=True, help="Use an existing API key, from a prompt or standard input."
)
@click.option(
    "--url",
    envvar=URL_VARIABLE,
    required=True,
    help=f"The gateway's address. Default: {URL_VARIABLE}.",
)
@click.option("--name", help="The key's name. Default: this machine's name.")
@click.option("--no-browser", is_flag=True, help="Print the address instead of opening it.")
@click.option("--allow-http", is_flag=True, help="Allow an http:// address of another machine.")
@profile_option
@json_option
def login(
    *, with_key: bool, url: str, name: str | None, no_browser: bool, allow_http: bool, profile: str
) -> None:
    """Get a key through the browser, and store it with the gateway's address in a file that only you can read.

    The browser shows the same code as the terminal. Compare the two codes, choose the environment and scopes, and
    allow the key. The key then appears in your list of keys under this machine's name. With --with-key, an existing
    key is read from a hidden prompt or from standard input, never from an argument.
    """
    if with_key and (name is not None or no_browser):
        raise click.UsageError("--name and --no-browser are only for a login by browser")
    if not profile.strip():
        raise click.UsageError(f"--profile needs a name, such as {DEFAULT}")
    address = checked_url(url, source="--url", allows_http=allow_http)
    if with_key:
        key = _read_key()
        own = RemoteGateway(Access(url=address, api_key=key)).get("/keys/self").data
    else:
        # The key is returned only once, so store it before anything else can fail.
        own = key_by_browser(address, name=name or own_name(), opens_browser=not no_browser)
        key = str(own["key"])
    before = load().get(profile)
    save(profile, Profile(url=address, api_key=key, environment=own["environment"]))
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
    if not is_sendable(key):
        raise fail(
            "no API key on standard input",
            advice="one line, such as from `pass show topup | topup login --with-key`",
            exit_code=EXIT_USAGE,
        )
    return key
