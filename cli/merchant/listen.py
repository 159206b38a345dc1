"""`topup listen`: an account's events to a port of this machine, signed like webhooks, as they come.

For developing a receiver: no public address, no registered endpoint. It sends each event once, in
order; retries, delays and the delivery log are the real endpoint's.
"""

import base64
import contextlib
import hashlib
import hmac
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import click
import httpx
import msgspec
from click.core import ParameterSource

from cli.database import account_named, write
from cli.examples import examples
from cli.merchant.event_source import Streamed, StreamRefused, follow
from cli.options import environment_option, take_secret
from cli.output import (
    EXIT_USAGE,
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
from keys.account import lock_tenants
from keys.api_keys import api_key
from keys.api_keys.api_key import ApiKey
from keys.api_keys.fields import NewKey
from keys.principal import Environment
from keys.signing import SECRET_PREFIX, secret_key, signature_headers
from runtime.settings import load_settings
from store.database import Transaction
from webhooks.deliveries.message import ATTEMPT_HEADER, DELIVERY_HEADER, EVENT_HEADER, USER_AGENT

NAME: Final = "topup listen"
FORWARD_S_MAX: Final = 10.0
ANSWER_CHARACTERS: Final = 160


@dataclass(frozen=True, slots=True)
class _Forwarded:
    """What became of one event. status null: nobody answered; error says why."""

    event_id: str
    type: str
    status: int | None
    took_ms: int
    error: str | None

    @property
    def is_taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class _Source:
    """Where the events come from."""

    url: str
    key: str
    after: str | None
    event_type: str | None


def _receiver(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    """An address that can be sent to."""
    with contextlib.suppress(ValueError):
        parts = urlsplit(value)
        # Reading the port checks it.
        if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0:
            return value
    raise click.BadParameter("is a URL such as http://localhost:3000/hook")


@click.command(
    epilog=examples(
        "topup listen --forward http://localhost:3000/hook",
        "topup listen --forward http://localhost:3000/hook --event topup.delivered --after 0",
        "topup listen --forward http://localhost:3000/hook --key @key.txt",
    )
)
@click.option(
    "--forward",
    required=True,
    metavar="URL",
    callback=_receiver,
    help="Such as http://localhost:3000/hook.",
)
@click.option(
    "--key",
    envvar="LISTEN_KEY",
    callback=take_secret,
    metavar="-|@FILE",
    help="An API key with webhooks:read, from standard input or a file, or in LISTEN_KEY; else the"
    " demo account's.",
)
@click.option("--account", help="Its id or email address, in place of a key (operators).")
@environment_option
@click.option("--url", help="The gateway's address; else of `topup dev`, else TOPUP_PUBLIC_URL.")
@click.option("--event", "event_type", help="Only this type, such as topup.delivered.")
@click.option("--after", help="Begin after this cursor; 0 sends everything there is again.")
@click.option(
    "--secret",
    envvar="WEBHOOK_SECRET",
    callback=take_secret,
    metavar="-|@FILE",
    help="Sign with this whsec_…, or the one in WEBHOOK_SECRET; else with one that stays the key's.",
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
) -> None:
    """Send an account's events to a port of this machine, signed. Ctrl-C stops."""
    source = click.get_current_context().get_parameter_source("key")
    if account is not None and source is not ParameterSource.COMMANDLINE:
        key = None
    if key is not None and account is not None:
        raise click.UsageError("give --key or --account, not both")
    if secret is not None:
        secret_key(secret)
    settings = load_settings()
    demo = read_demo(settings.data_dir)
    address = (url or (demo.url if demo else settings.address())).rstrip("/")

    async def work() -> None:
        async with contextlib.AsyncExitStack() as stack:
            found = key
            if account is not None:
                found = await stack.enter_async_context(_key_of(account, environment))
            elif found is None and demo is not None:
                found = demo.staging_key if environment == "staging" else demo.live_key
            if not found:
                raise fail(
                    "no key to listen with",
                    advice="give --key @FILE, or start `topup dev` in this folder",
                    exit_code=EXIT_USAGE,
                )
            events = _Source(address, found, after, event_type)
            await _listen(events, forward, secret or secret_of(found))

    # A shell that starts it in the background has it ignore Ctrl-C; asked to stop, it stops.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        run(work())
    note("stopped")


def secret_of(key: str) -> str:
    """A webhook secret that is the same at each start, so that the receiver can keep it."""
    made = hmac.digest(key.encode(), NAME.encode(), hashlib.sha256)
    return SECRET_PREFIX + base64.b64encode(made).decode("ascii")


async def _listen(source: _Source, forward: str, secret: str) -> None:
    _greet(source, forward, secret)
    headers = {"Authorization": f"Bearer {source.key}"}
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
        try:
            async with contextlib.aclosing(events):
                async for event in events:
                    _show(await _forward(receiver, forward, secret, event))
        except StreamRefused as error:
            advice = "is the key of this gateway, and has it webhooks:read?"
            raise fail(f"{source.url} refuses: {error}", advice=advice) from None


async def _forward(
    receiver: httpx.AsyncClient, url: str, secret: str, event: Streamed
) -> _Forwarded:
    """Sends one event as a worker would; a failure is a value."""
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
    return _Forwarded(event_id, event.type, status, took_ms, error)


@contextlib.asynccontextmanager
async def _key_of(account: str, environment: Environment) -> AsyncIterator[str]:
    """A key of the account for reading events, which ends with the listening, or in a day."""
    now_us = SystemClock().now_us()
    new = NewKey(name=NAME, scopes=["webhooks:read"], expires_at=now_us + DAY_US)

    async def mint(tx: Transaction) -> tuple[ApiKey, str]:
        owner = await account_named(account)(tx)
        await lock_tenants(tx, [Tenant(owner.id, environment)])
        return await api_key.mint(
            tx,
            account_id=owner.id,
            environment=environment,
            parent=None,
            new=new,
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
    # Standard output carries the events alone where a program reads it.
    for name, value in (("listening", source.url), ("forwarding", forward), ("secret", secret)):
        click.echo(f"  {click.style(f'{name:<12}', dim=True)}{value}", err=wants_json())
    click.echo(err=wants_json())


def _show(forwarded: _Forwarded) -> None:
    if wants_json():
        click.echo(json_text(asdict(forwarded)))
        return
    colour = "green" if forwarded.is_taken else "red"
    status = click.style(str(forwarded.status or "---"), fg=colour)
    event = visible(f"{forwarded.type:<18}  {forwarded.event_id}")
    outcome = visible(forwarded.error or f"{forwarded.took_ms} ms")
    click.echo(f"{time.strftime('%H:%M:%S')}  {status}  {event}  {outcome}")
