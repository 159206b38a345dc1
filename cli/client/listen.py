"""`topup listen`: forward an account's events to this machine. They are signed like webhooks, and sent once without
retries.
"""

import base64
import contextlib
import hashlib
import hmac
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import click
import httpx
import msgspec
from click.core import ParameterSource

from cli.client.event_source import Streamed, StreamRefused, follow, hear_ctrl_c, read_event
from cli.client.profiles import (
    DEFAULT,
    PROFILE_VARIABLE,
    access,
    authorization,
    is_logged_in,
    note_asked,
)
from cli.database import account_named, write
from cli.options import environment_option, take_secret, web_address
from cli.output import (
    EXIT_REFUSED,
    EXIT_USAGE,
    examples,
    fail,
    json_option,
    json_text,
    note,
    run,
    visible,
    wants_json,
)
from cli.server.demo import read_demo
from kernel.clock import DAY_US, SECOND_US, SystemClock
from kernel.ids import new_id
from kernel.tenant import Tenant
from keys import sandbox_clock
from keys.account import lock_tenants
from keys.api_keys import api_key
from keys.api_keys.api_key import ApiKey
from keys.api_keys.fields import NewKey
from keys.principal import Environment
from keys.signatures.signing import SECRET_PREFIX, secret_key, signature_headers
from runtime.settings import load_settings
from store.database import Transaction
from webhooks.deliveries.message import ATTEMPT_HEADER, DELIVERY_HEADER, EVENT_HEADER, USER_AGENT

FORWARD_S_MAX: Final = 10.0
ANSWER_CHARACTERS: Final = 160

NAME: Final = "topup listen"
# At the end, print at most this many of the newest events that weren't accepted.
MISSED_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class Forwarded:
    """A forwarded event. If nobody responded, `status` is None and `error` says why."""

    event_id: str
    type: str
    status: int | None
    took_ms: int
    error: str | None

    @property
    def is_taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


async def forward_event(
    receiver: httpx.AsyncClient, url: str, secret: str, event: Streamed
) -> Forwarded:
    event_id = str(msgspec.json.decode(event.body)["id"])
    headers = {
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        EVENT_HEADER: event.type,
        DELIVERY_HEADER: new_id("dlv"),
        ATTEMPT_HEADER: "1",
        **signature_headers(
            secrets=[secret],
            message_id=event_id,
            timestamp_s=SystemClock().now_us() // SECOND_US,
            body=event.body,
        ),
    }
    began_s = time.perf_counter()
    status, error = None, None
    try:
        answer = await receiver.post(url, content=event.body, headers=headers)
        status = answer.status_code
        if not answer.is_success:
            error = " ".join(answer.text.split())[:ANSWER_CHARACTERS] or answer.reason_phrase
    except httpx.TimeoutException:
        error = f"no answer within {FORWARD_S_MAX:.0f} s"
    except (httpx.HTTPError, httpx.InvalidURL) as failure:
        error = f"no answer: {failure}"
    took_ms = round((time.perf_counter() - began_s) * 1000)
    return Forwarded(event_id, event.type, status, took_ms, error)


def show(forwarded: Forwarded) -> None:
    if wants_json():
        click.echo(json_text(asdict(forwarded)))
        return
    colour = "green" if forwarded.is_taken else "red"
    status = click.style(str(forwarded.status or "---"), fg=colour)
    event = visible(f"{forwarded.type:<18}  {forwarded.event_id}")
    outcome = visible(forwarded.error or f"{forwarded.took_ms} ms")
    click.echo(f"{time.strftime('%H:%M:%S')}  {status}  {event}  {outcome}")


@dataclass(frozen=True, slots=True)
class _Source:
    url: str
    key: str
    after: str | None
    event_type: str | None


@click.command(
    epilog=examples(
        "topup listen --forward http://localhost:3000/hook",
        "topup listen --forward http://localhost:3000/hook --event topup.delivered --after 0",
        "topup listen --forward http://localhost:3000/hook --profile default",
        "topup listen --forward http://localhost:3000/hook --resend evt_5Fxp",
    )
)
@click.option(
    "--forward",
    required=True,
    metavar="URL",
    callback=web_address,
    help="Where to send events, such as http://localhost:3000/hook.",
)
@click.option(
    "--key",
    envvar="LISTEN_KEY",
    callback=take_secret,
    metavar="-|@FILE",
    help="API key with webhooks:read, from standard input, a file or LISTEN_KEY. Default: the "
    "first of these that exists: the key of --profile, the demo key of `topup dev`, the default profile's key.",
)
@click.option(
    "--account", help="For operators: an account's ID or email address, instead of a key."
)
@environment_option
@click.option(
    "--url", help="The gateway's address. Default: the address of `topup dev`, or TOPUP_PUBLIC_URL."
)
@click.option(
    "--event", "event_type", help="Forward only events of this type, such as topup.delivered."
)
@click.option("--after", help="Begin after this cursor. 0 sends all stored events.")
@click.option(
    "--secret",
    envvar="WEBHOOK_SECRET",
    callback=take_secret,
    metavar="-|@FILE",
    help="The whsec_… secret to sign with, or WEBHOOK_SECRET. Default: a fixed secret for your key.",
)
@click.option(
    "--resend",
    "resent",
    multiple=True,
    metavar="EVENT_ID",
    help="Send this event now, then stop. Can be given several times.",
)
@click.option(
    "--profile",
    envvar=PROFILE_VARIABLE,
    help=f"Use the gateway and key of this profile. Default: {PROFILE_VARIABLE}.",
)
@json_option
def listen(
    forward: str,
    key: str | None,
    account: str | None,
    environment: Environment,
    url: str | None,
    event_type: str | None,
    after: str | None,
    secret: str | None,
    resent: Sequence[str],
    profile: str | None,
) -> None:
    """Forward an account's events to a port on this machine, signed like webhooks. Press Ctrl-C to stop.

    At the end, the command prints the cursor for --after, and a --resend option for each event that wasn't accepted.
    """
    source = click.get_current_context().get_parameter_source("key")
    if account is not None and source is not ParameterSource.COMMANDLINE:
        key = None
    if len([one for one in (key, account, profile) if one is not None]) > 1:
        raise click.UsageError("give one of --key, --account and --profile")
    if profile is not None and url is not None:
        raise click.UsageError("a profile has its own address: give --profile or --url, not both")
    if resent and (after is not None or event_type is not None):
        raise click.UsageError("--resend names its events: give it without --after and --event")
    if secret is not None:
        secret_key(secret)
    address, found = _address_and_key(profile, key, account, environment, url)

    async def work() -> None:
        async with contextlib.AsyncExitStack() as stack:
            used = found
            if account is not None:
                used = await stack.enter_async_context(_key_of(account, environment))
            if not used:
                raise fail(
                    "no key to listen with",
                    advice="run `topup login`, give --key @FILE, or start `topup dev` in this folder",
                    exit_code=EXIT_USAGE,
                )
            note_asked(address)
            events = _Source(address, used, after, event_type)
            signs_with = secret or secret_of(used)
            if resent:
                await _resend(events, forward, signs_with, resent)
            else:
                await _listen(events, forward, signs_with)

    hear_ctrl_c()
    with contextlib.suppress(KeyboardInterrupt):
        run(work())
    note("stopped")


def _address_and_key(
    profile: str | None, key: str | None, account: str | None, environment: str, url: str | None
) -> tuple[str, str | None]:
    if profile is not None:
        given = access(profile)
        return given.url, given.api_key
    settings = load_settings()
    demo = read_demo(settings.data_dir)
    if key is None and account is None and demo is None and url is None and is_logged_in():
        given = access(DEFAULT)
        return given.url, given.api_key
    if key is None and account is None and demo is not None:
        key = demo.staging_key if environment == "staging" else demo.live_key
    address = url or (demo.url if demo else settings.address())
    return address.rstrip("/"), key


def secret_of(key: str) -> str:
    """Return the webhook secret. It is the same at each start, so that the receiver can store it."""
    made = hmac.digest(key.encode(), NAME.encode(), hashlib.sha256)
    return SECRET_PREFIX + base64.b64encode(made).decode("ascii")


async def _listen(source: _Source, forward: str, secret: str) -> None:
    _greet(source, forward, secret)
    headers = authorization(source.key)
    async with (
        httpx.AsyncClient(base_url=source.url, headers=headers, trust_env=False) as gateway,
        httpx.AsyncClient(timeout=FORWARD_S_MAX, trust_env=False) as receiver,
    ):
        events = follow(
            gateway,
            after=source.after,
            event_type=source.event_type,
            on_connected=lambda: note("connected"),
            on_lost=lambda why: note(f"{why}; connecting again"),
        )
        cursor, missed = source.after, list[str]()
        try:
            async with contextlib.aclosing(events):
                async for event in events:
                    forwarded = await forward_event(receiver, forward, secret, event)
                    show(forwarded)
                    cursor = event.cursor
                    missed += [] if forwarded.is_taken else [forwarded.event_id]
        except StreamRefused as error:
            advice = "is the key of this gateway, and has it webhooks:read?"
            raise fail(f"{source.url} refuses: {error}", advice=advice) from None
        finally:
            _say_how_to_go_on(cursor, missed)


def _say_how_to_go_on(cursor: str | None, missed: Sequence[str]) -> None:
    if cursor is not None:
        note(f"go on with --after {cursor}")
    if missed:
        shown = " ".join(f"--resend {event_id}" for event_id in missed[-MISSED_MAX:])
        note(f"{len(missed)} were not accepted; send them again with {shown}")


async def _resend(source: _Source, forward: str, secret: str, event_ids: Sequence[str]) -> None:
    _greet(source, forward, secret)
    headers = authorization(source.key)
    async with (
        httpx.AsyncClient(base_url=source.url, headers=headers, trust_env=False) as gateway,
        httpx.AsyncClient(timeout=FORWARD_S_MAX, trust_env=False) as receiver,
    ):
        ended = []
        for event_id in event_ids:
            try:
                event = await read_event(gateway, event_id)
            except StreamRefused as error:
                raise fail(str(error)) from None
            ended.append(await forward_event(receiver, forward, secret, event))
            show(ended[-1])
    if not all(one.is_taken for one in ended):
        raise click.exceptions.Exit(EXIT_REFUSED)


@contextlib.asynccontextmanager
async def _key_of(account: str, environment: Environment) -> AsyncIterator[str]:
    """Yield a key that can read the account's events. It expires when this command ends, or after a day at the
    latest.
    """
    now_us = SystemClock().now_us()

    async def mint(tx: Transaction) -> tuple[ApiKey, str]:
        owner = await account_named(account)(tx)
        tenant = Tenant(owner.id, environment)
        await lock_tenants(tx, [tenant])
        ends_at = await sandbox_clock.now_of(tx, tenant, now_us=now_us) + DAY_US
        return await api_key.mint(
            tx,
            account_id=owner.id,
            environment=environment,
            parent=None,
            new=NewKey(name=NAME, scopes=["webhooks:read"], expires_at=ends_at),
            now_us=now_us,
        )

    key, secret = await write(mint)

    async def revoke(tx: Transaction) -> Any:
        tenant = Tenant(key.account_id, key.environment)
        await lock_tenants(tx, [tenant])
        return await api_key.revoke(tx, tenant, key.id, asker=None, now_us=SystemClock().now_us())

    try:
        yield secret
    finally:
        await write(revoke)


def _greet(source: _Source, forward: str, secret: str) -> None:
    # If a program reads standard output, print only the events there.
    for name, value in (("listening", source.url), ("forwarding", forward), ("secret", secret)):
        click.echo(f"  {click.style(f'{name:<12}', dim=True)}{value}", err=wants_json())
    click.echo(err=wants_json())
