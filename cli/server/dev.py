"""`topup dev`: run everything on one machine with one command, for development and a first look."""

import asyncio
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from socket import socket

import click
from pydantic import SecretStr

from billing.fulfilment.opening import enter_first, name_wallet
from billing.fulfilment.options import DATA_KEY as SUPPLIER_KEY
from billing.fulfilment.protocol import OptionsRefused
from billing.fulfilment.registry import discover
from billing.topups.rules import VOUCHER_KEY, LinkTokens, sign_in_url
from cli.output import EXIT_REFUSED, EXIT_USAGE, examples, fail, run
from cli.server.demo import FILE_NAME as DEMO_FILE, Demo, ensure_demo
from cli.server.listener import (
    LISTEN_FD_VARIABLE,
    READY_FD_VARIABLE,
    WAKE_FD_VARIABLE,
    check_start,
    listen,
    warn_of_unknown_variables,
)
from cli.server.migrate import migrate_now
from kernel.clock import SystemClock
from kernel.ids import AccountId
from kernel.tenant import Tenant
from keys.account import get_account, lock_tenants
from keys.sign_in import sign_in_link
from keys.vault import Vault
from runtime import embedded_redis
from runtime.installation import (
    FILE_NAME,
    known_secret_key,
    made_master_key,
    open_store,
    open_vault,
    opens_what_is_sealed,
)
from runtime.log import start_logging
from runtime.settings import PREFIX, Settings, SettingsError, load_settings
from runtime.supervisor import Child, Supervisor, lock_data_dir
from runtime.wake_pipe import open_wake_pipe
from store.database import Store, Transaction
from store.open import SQLITE_PREFIX

# This text has no indentation, so that it can be pasted.
_CURL = """\
curl -X POST {url}/api/public/v1/topup/send \\
  -H "Authorization: Bearer {key}" \\
  -H "Content-Type: application/json" \\
  -d '{{
    "platform": "claude",
    "amount_cents": 1000,
    "recipient_email": "user@example.com"
  }}'"""


_SETTING = "TOPUP_SECRET_KEY"
READY_S_MAX = 60.0
READY_CHILDREN = 2  # gateway and worker


def curl_line(url: str, key: str) -> str:
    return _CURL.format(url=url, key=key)


def ready(
    settings: Settings, demo: Demo, *, sign_in: str | None, redis: str, took_s: float
) -> None:
    """Print the address, the keys and a curl command. `sign_in` is a link that signs the operator in."""
    store = "SQLite" if settings.database_address.startswith(SQLITE_PREFIX) else "PostgreSQL"
    data_dir = _short(settings)
    click.echo()
    click.echo(
        "  "
        + click.style("Topup Gateway", bold=True)
        + click.style(f"  ready in {took_s:.1f} s", dim=True)
    )
    click.echo()
    _row("address", click.style(demo.url, fg="cyan", underline=True) + "  (a demo, and the docs)")
    _row("dashboard", f"{demo.url}/dashboard  ({demo.email}; its password is in {DEMO_FILE})")
    if sign_in is not None:
        _row("sign in", click.style(sign_in, fg="cyan", underline=True))
        _row("", "as the operator: once, within ten minutes, on this machine")
    _row("staging key", click.style(demo.staging_key, fg="green"))
    _row("data", f"{data_dir}  ({store}, {redis}; credentials in {DEMO_FILE})")
    if not settings.is_loopback:
        _row("open", "not only this machine: self-service keys and private webhooks are off")
    click.echo()
    click.secho("  Send the first top-up:", dim=True)
    click.echo()
    click.echo(curl_line(demo.url, demo.staging_key))
    click.echo()
    click.secho("  Ctrl-C stops everything.", dim=True)
    click.echo()


def supplied_by_wallet(platforms: Sequence[str]) -> None:
    click.secho(
        f"  live: no supplier is set for {', '.join(platforms)}, so `topup dev` uses `wallet`: credit stays"
        " in the recipients' wallets here, and reaches no platform (docs/suppliers.md)",
        fg="yellow",
        err=True,
    )


def late(seconds: float) -> None:
    click.echo(
        f"the gateway did not get ready within {seconds:.0f} s; the lines above say why", err=True
    )


def stopping() -> None:
    click.echo(err=True)
    click.secho("  stopping: finishing what is in flight (Ctrl-C again aborts)", dim=True, err=True)


def stopped(*, is_orderly: bool) -> None:
    words = "  stopped; nothing is left running" if is_orderly else "  aborted"
    click.secho(words, dim=True, err=True)


def _row(name: str, value: str) -> None:
    click.echo("  " + click.style(f"{name:<13}", dim=True) + value)


def _short(settings: Settings) -> str:
    try:
        return f"./{settings.data_dir.relative_to(settings.data_dir.cwd())}"
    except ValueError:
        return str(settings.data_dir)


def development_key(settings: Settings) -> str:
    """Return the master key that decrypts what the database stores. Exit if there is none."""
    file = settings.data_dir / FILE_NAME
    is_given = bool(settings.secret_key.get_secret_value())
    source = _SETTING if is_given else str(file)
    known = known_secret_key(settings)
    if not known and file.exists():
        raise _refused(f"{source} is empty")
    vault = open_vault(known, source=source) if known else None
    if run(opens_what_is_sealed(settings, vault)) is False:
        if vault is None:
            raise _refused(f"{source} is missing, and the database holds secrets that need it")
        raise _refused(f"{source} does not open what the database holds: it was another key")
    return known or made_master_key(settings.data_dir)


def _refused(problem: str) -> click.exceptions.Exit:
    return fail(
        problem,
        advice="restore the key with which it ran, or start over with another --data-dir",
        exit_code=EXIT_USAGE,
    )


@click.command(epilog=examples("topup dev", "topup dev --port 0 --data-dir /tmp/try"))
@click.option("--host", help="Address to listen on. Default: TOPUP_HOST.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    help="Port to listen on. 0 chooses a free port. Default: TOPUP_PORT.",
)
@click.option(
    "--data-dir", type=click.Path(path_type=Path), help="Data directory. Default: TOPUP_DATA_DIR."
)
def dev(host: str | None, port: int | None, data_dir: Path | None) -> None:
    """Run SQLite, Redis, a gateway and a worker with one command. Ctrl-C stops them all."""
    started_s = time.monotonic()
    given = {"host": host, "port": port, "data_dir": data_dir}
    settings = load_settings(**{name: value for name, value in given.items() if value is not None})
    check_start(settings)
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock_fd = lock_data_dir(settings.data_dir)
    listener = listen(settings)
    secret_key = development_key(settings)
    settings = _for_development(settings, listener.getsockname()[1], secret_key)
    migrate_now(settings)
    handler = start_logging(level="warning", form=settings.log_format)
    warn_of_unknown_variables()
    try:
        is_orderly = asyncio.run(_run(settings, listener, started_s))
    finally:
        handler.close()
        os.close(lock_fd)
    if not is_orderly:
        raise click.exceptions.Exit(EXIT_REFUSED)


def _for_development(settings: Settings, port: int, secret_key: str) -> Settings:
    """Return settings for `topup dev`. If other machines can reach it, switch off what strangers could
    misuse.
    """
    is_private_fine = settings.is_loopback and (
        settings.webhook_allow_private or "webhook_allow_private" not in settings.model_fields_set
    )
    return settings.model_copy(
        update={
            "port": port,
            "data_dir": settings.data_dir.absolute(),
            "database_url": SecretStr(settings.database_address),
            "secret_key": SecretStr(secret_key),
            "public_url": settings.address(port),
            "webhook_allow_private": is_private_fine,
            "self_serve_staging": settings.self_serve_staging and settings.is_loopback,
        }
    )


class _Supervisor(Supervisor):
    def ask_to_stop(self) -> None:
        if not self.is_stopping:
            stopping()
        super().ask_to_stop()


async def _run(settings: Settings, listener: socket, started_s: float) -> bool:
    async with open_store(settings) as database:
        demo = await ensure_demo(
            database, SystemClock(), settings.data_dir, url=settings.public_url
        )
        await _supply_live(database, settings)
        sign_in = await _sign_in_link(database, settings, demo)
    plan = await _plan(settings, listener)
    greeting = asyncio.create_task(_greet(settings, plan, demo, sign_in, started_s))
    try:
        is_orderly = await _Supervisor(plan.children).run()
    finally:
        greeting.cancel()
    stopped(is_orderly=is_orderly)
    return is_orderly


async def _supply_live(database: Store, settings: Settings) -> None:
    """Add the supplier `wallet` to each live platform that has no supplier, and print these platforms."""
    master = open_vault(settings.secret_key.get_secret_value())
    first = [setting.platform() for setting in settings.platforms]

    async def work(tx: Transaction) -> list[str]:
        now_us = SystemClock().now_us()
        vault = Vault([await master.data_key(tx, SUPPLIER_KEY, now_us=now_us)])
        await enter_first(tx, first, discover(), vault, now_us=now_us)
        return [one.id for one in await name_wallet(tx, "live", now_us=now_us)]

    try:
        named = await database.transaction(work)
    except OptionsRefused as error:
        raise SettingsError(f"TOPUP_PLATFORMS: {error}") from None
    if named:
        supplied_by_wallet(named)


async def _sign_in_link(database: Store, settings: Settings, demo: Demo) -> str | None:
    """Return a link that signs the operator in once.

    Return None if there is a proxy (PUBLIC_URL), or if the output isn't a terminal.
    """
    own = settings.model_copy(update={"public_url": ""}).address()
    if not (settings.is_loopback and settings.public_url == own and sys.stdout.isatty()):
        return None
    master = open_vault(settings.secret_key.get_secret_value())

    async def work(tx: Transaction) -> str | None:
        now_us = SystemClock().now_us()
        await lock_tenants(tx, [Tenant(AccountId(demo.account_id), "staging")])
        account = await get_account(tx, demo.account_id)
        made = await sign_in_link.begin(tx, account, now_us=now_us)
        if made is None:
            return None
        key = await master.data_key(tx, VOUCHER_KEY, now_us=now_us)
        return sign_in_url(own, LinkTokens(key), made.id)

    return await database.transaction(work)


@dataclass(frozen=True, slots=True)
class _Plan:
    """The child processes, in starting order. Each reports on `ready_fd` when it is ready."""

    children: tuple[Child, ...]
    redis: str
    ready_fd: int


async def _plan(settings: Settings, listener: socket) -> _Plan:
    environment = _environment(settings)
    redis = _Redis((), {}, "Redis of TOPUP_REDIS_URL")
    if not settings.redis_url.get_secret_value():
        redis = await _embedded_redis(settings)
    ready_fd, child_ready_fd = os.pipe()
    gateway_fds = {LISTEN_FD_VARIABLE: listener.fileno(), READY_FD_VARIABLE: child_ready_fd}
    worker_fds = {READY_FD_VARIABLE: child_ready_fd}
    if redis.is_missing:
        worker_fds[WAKE_FD_VARIABLE], gateway_fds[WAKE_FD_VARIABLE] = open_wake_pipe()
    environment |= redis.environment
    worker = _python("worker", environment, worker_fds)
    gateway = _python("serve", environment, gateway_fds)
    return _Plan((*redis.children, worker, gateway), redis.words, ready_fd)


@dataclass(frozen=True, slots=True)
class _Redis:
    children: tuple[Child, ...]
    environment: Mapping[str, str]
    words: str
    is_missing: bool = False


async def _embedded_redis(settings: Settings) -> _Redis:
    home = embedded_redis.prepare_home(settings.data_dir)
    await embedded_redis.stop_orphan(home)
    environment = {PREFIX + "REDIS_URL": home.url}
    binary = embedded_redis.find_server()
    if binary is None:
        words = "no Redis found: woken over a pipe, limits per process"
        return _Redis((), environment, words, is_missing=True)
    argv = [*embedded_redis.server_argv(binary, home), "--logfile", str(home.folder / "log")]
    return _Redis((Child("redis", argv, os.environ),), environment, "embedded Redis")


def _python(command: str, environment: Mapping[str, str], fds: Mapping[str, int]) -> Child:
    variables = {name: str(fd) for name, fd in fds.items()}
    argv = [sys.executable, "-P", "-m", "cli", command]
    return Child(command, argv, {**environment, **variables}, tuple(fds.values()))


def _environment(settings: Settings) -> dict[str, str]:
    decided: Mapping[str, object] = {
        "HOST": settings.host,
        "PORT": settings.port,
        "DATA_DIR": settings.data_dir,
        "DATABASE_URL": settings.database_address,
        "SECRET_KEY": settings.secret_key.get_secret_value(),
        "PUBLIC_URL": settings.public_url,
        "WEBHOOK_ALLOW_PRIVATE": settings.webhook_allow_private,
        "SELF_SERVE_STAGING": settings.self_serve_staging,
        "PROCESSES": 1,
        # `topup dev` has no load balancer, so it needs no shutdown delay.
        "SHUTDOWN_DELAY_S": 0,
    }
    root = str(Path(__file__).resolve().parents[2])
    path = os.environ.get("PYTHONPATH")
    return {
        **os.environ,
        **{PREFIX + name: str(value) for name, value in decided.items()},
        "PYTHONPATH": root if not path else f"{root}{os.pathsep}{path}",
    }


async def _greet(
    settings: Settings, plan: _Plan, demo: Demo, sign_in: str | None, started_s: float
) -> None:
    try:
        async with asyncio.timeout(READY_S_MAX):
            await _read(plan.ready_fd, READY_CHILDREN)
    except TimeoutError:
        late(READY_S_MAX)
        return
    took_s = time.monotonic() - started_s
    ready(settings, demo, sign_in=sign_in, redis=plan.redis, took_s=took_s)


async def _read(fd: int, bytes_wanted: int) -> None:
    loop = asyncio.get_running_loop()
    has_all = asyncio.Event()
    bytes_read = 0

    def read() -> None:
        nonlocal bytes_read
        bytes_read += len(os.read(fd, bytes_wanted))
        if bytes_read >= bytes_wanted:
            has_all.set()

    loop.add_reader(fd, read)
    try:
        await has_all.wait()
    finally:
        loop.remove_reader(fd)
