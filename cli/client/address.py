"""Where a gateway is, and whether a key may be sent there."""

import ipaddress
from typing import Final

import click

from cli.output import EXIT_USAGE, fail

API_PATH: Final = "/api/public/v1"
OPERATOR_PATH: Final = "/api/operator/v1"
_ASKED: Final = "cli.client.address.asked"


def checked_url(text: str, *, source: str, allows_http: bool = False) -> str:
    """Return the gateway's address without a path; exit if a key would travel unencrypted."""
    import httpx  # noqa: PLC0415 what runs in process needs none

    try:
        url = httpx.URL(text.strip().rstrip("/").removesuffix(API_PATH))
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme not in {"http", "https"} or not url.host or url.userinfo or url.query:
        raise fail(
            f"{source}: not the address of a gateway",
            advice="write it as https://topup.acme.example",
            exit_code=EXIT_USAGE,
        )
    if url.scheme == "http" and not allows_http and not _is_this_machine(url.host):
        raise fail(
            f"{source}: http:// would carry the key unencrypted",
            advice="use https://, or `topup login --allow-http` in a network that you trust",
            exit_code=EXIT_USAGE,
        )
    return str(url).rstrip("/")


def note_asked(url: str) -> None:
    """Record that the running command calls the gateway at this address."""
    click.get_current_context().meta[_ASKED] = url


def asked_address() -> str | None:
    context = click.get_current_context(silent=True)
    return None if context is None else context.meta.get(_ASKED)


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
