"""`topup webhooks`: where an account's events are sent: list, add, show, update, test, remove."""

from collections.abc import Mapping, Sequence
from typing import Any, TextIO

import click
import msgspec

from cli.examples import examples
from cli.output import json_option, note, show_record, show_rows
from cli.remote.arguments import IdOf, page_options
from cli.remote.client import RemoteGateway
from cli.remote.profiles import access, profile_option

_endpoint = click.argument("endpoint_id", type=IdOf("we"))
_events = click.option(
    "--event", "events", multiple=True, help="Only this type; repeat for several; none: all."
)
_description = click.option("--description", help="What it is, in your words.")
_rate = click.option("--rate-limit-per-s", type=int, help="At most so many requests a second.")
_ordered = click.option(
    "--ordered/--not-ordered",
    default=None,
    help="Whether events of one object are sent one after the other.",
)
_codes = click.option(
    "--include-codes/--no-codes",
    default=None,
    help="Whether bodies carry voucher codes; needs vouchers:read.",
)
_ed25519 = click.option(
    "--ed25519/--no-ed25519",
    default=None,
    help="Whether it signs by a key pair of its own as well, which a receiver checks by the public key. Off"
    " ends the pair at once.",
)
_headers = click.option(
    "--headers",
    type=click.File("r"),
    help="File of headers that are sent along, a line `Name: value` each; - reads standard input."
    " No argument, since a value may be a secret.",
)
_retries = click.option(
    "--retry-schedule",
    "retry_schedule_s",
    callback=lambda _context, _option, text: _schedule(text),
    metavar="SECONDS,…",
    help="The waits before the attempts, the first one included, such as 0,60,600,3600.",
)


_filter = click.option(
    "--filter",
    callback=lambda _context, _option, text: _filter_of(text),
    metavar="JSON",
    help='Only events whose data matches, such as \'{"platform": ["claude"]}\'.',
)


@click.group(
    epilog=examples(
        "topup webhooks add https://shop.acme.example/hook --event topup.delivered",
        "topup webhooks test we_5Fxp",
    )
)
def webhooks() -> None:
    """Webhooks: where an account's events are sent."""


@webhooks.command("list", epilog=examples("topup webhooks list"))
@page_options
@profile_option
@json_option
def list_(*, limit: int, cursor: str | None, profile: str) -> None:
    """List webhooks, newest first."""
    page = RemoteGateway(access(profile)).page("/webhooks", limit=limit, cursor=cursor)
    columns = ("id", "status", "url", "events")
    show_rows(page["items"], *columns, next_cursor=page["next_cursor"])


@webhooks.command(
    "add",
    epilog=examples(
        "topup webhooks add https://shop.acme.example/hook",
        "topup webhooks add https://shop.acme.example/hook --headers headers.txt --retry-schedule 0,60,600",
    ),
)
@click.argument("url")
@_events
@_description
@_rate
@_ordered
@_codes
@_ed25519
@_headers
@_retries
@_filter
@profile_option
@json_option
def add(
    *, url: str, events: Sequence[str], headers: TextIO | None, profile: str, **fields: Any
) -> None:
    """Register a webhook. Its signing secret is shown once."""
    fields["headers"] = _headers_in(headers)
    body = {"url": url, "events": list(events), **_given(fields)}
    gateway = RemoteGateway(access(profile))
    show_record(gateway.change("POST", "/webhooks/register", body, look="topup webhooks list").data)
    note("the secret is shown this once")


@webhooks.command("show", epilog=examples("topup webhooks show we_5Fxp"))
@_endpoint
@profile_option
@json_option
def show(*, endpoint_id: str, profile: str) -> None:
    """Show one webhook; the values of its headers are masked."""
    show_record(RemoteGateway(access(profile)).get(f"/webhooks/{endpoint_id}").data)


@webhooks.command(
    "update",
    epilog=examples(
        "topup webhooks update we_5Fxp --event topup.delivered --event topup.failed",
        "topup webhooks update we_5Fxp --status disabled",
        'topup webhooks update we_5Fxp --filter \'{"amount_cents": {"gte": 1000}}\'',
        "topup webhooks update we_5Fxp --ed25519",
    ),
)
@_endpoint
@click.option("--url", help="Where the events are sent.")
@_events
@click.option("--all-events", is_flag=True, help="Every type.")
@_description
@_rate
@_ordered
@_codes
@_ed25519
@_headers
@click.option("--no-headers", is_flag=True, help="No header is sent along any more.")
@_retries
@_filter
@click.option("--no-filter", is_flag=True, help="Every event of its types is sent.")
@click.option("--status", type=click.Choice(["enabled", "disabled"]), help="Whether it is sent to.")
@profile_option
@json_option
def update(
    *,
    endpoint_id: str,
    events: Sequence[str],
    all_events: bool,
    headers: TextIO | None,
    no_headers: bool,
    no_filter: bool,
    profile: str,
    **fields: Any,
) -> None:
    """Change a webhook; what is not named stays. --headers takes the place of all earlier ones."""
    if events and all_events:
        raise click.UsageError("give --event or --all-events, not both")
    if headers is not None and no_headers:
        raise click.UsageError("give --headers or --no-headers, not both")
    if fields["filter"] is not None and no_filter:
        raise click.UsageError("give --filter or --no-filter, not both")
    fields["headers"] = {} if no_headers else _headers_in(headers)
    body = _given(fields) | ({"events": list(events)} if events or all_events else {})
    body |= {"filter": None} if no_filter else {}
    if not body:
        raise click.UsageError("say what changes, such as --status disabled")
    _change("PATCH", endpoint_id, profile, body=body)


@webhooks.command("rotate-secret", epilog=examples("topup webhooks rotate-secret we_5Fxp"))
@_endpoint
@click.option("--overlap-s", type=int, help="How long the old secret signs, too, in seconds.")
@profile_option
@json_option
def rotate_secret(*, endpoint_id: str, overlap_s: int | None, profile: str) -> None:
    """Give a webhook a new signing secret, and a new key pair where it has one. The secret is shown once."""
    _change("POST", endpoint_id, profile, "/rotate-secret", _given({"overlap_s": overlap_s}))
    note("the secret is shown this once")


@webhooks.command(
    "test",
    epilog=examples(
        "topup webhooks test we_5Fxp", "topup webhooks test we_5Fxp --event topup.failed"
    ),
)
@_endpoint
@click.option("--event", help="Of which type the sample is; default: a test event.")
@profile_option
@json_option
def test(*, endpoint_id: str, event: str | None, profile: str) -> None:
    """Send a sample event now, and show what the receiver answered; exit code 1: it did not take it."""
    _change("POST", endpoint_id, profile, "/test", _given({"event": event}))


@webhooks.command("remove", epilog=examples("topup webhooks remove we_5Fxp"))
@_endpoint
@profile_option
@json_option
def remove(*, endpoint_id: str, profile: str) -> None:
    """Delete a webhook; what waits for it is not sent any more."""
    _change("DELETE", endpoint_id, profile)


def _change(
    method: str,
    endpoint_id: str,
    profile: str,
    act: str = "",
    body: Mapping[str, Any] | None = None,
) -> None:
    gateway, look = RemoteGateway(access(profile)), f"topup webhooks show {endpoint_id}"
    show_record(gateway.change(method, f"/webhooks/{endpoint_id}{act}", body, look=look).data)


def _headers_in(file: TextIO | None) -> dict[str, str] | None:
    """The headers of a file's lines; None without one. Exits for a line that is none, without its value."""
    if file is None:
        return None
    found = {}
    for number, line in enumerate(file, 1):
        name, colon, value = line.strip().partition(":")
        if not name and not colon:
            continue
        if not colon or not name.strip() or name.strip() in found:
            raise click.UsageError(f"line {number} of --headers is no `Name: value` of its own")
        found[name.strip()] = value.strip()
    return found


def _filter_of(text: str | None) -> Any:
    """What the option's JSON says; the gateway says what is wrong with it. Exits for what is no object."""
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeError):
        raise click.UsageError(
            '--filter is a JSON object, such as \'{"platform": ["claude"]}\''
        ) from None


def _schedule(text: str | None) -> list[int] | None:
    if text is None:
        return None
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise click.UsageError("--retry-schedule is seconds between commas: 0,60,600") from None


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
