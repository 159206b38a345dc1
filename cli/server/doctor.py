"""`topup doctor`: looks at each part that a process stands on, and says what is wrong."""

import asyncio
import resource
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from functools import partial

import click
from redis.asyncio import Redis
from redis.exceptions import RedisError

from billing.ledger.proof import last_proof
from cli.examples import examples
from cli.faults import exit_code_of, words
from cli.output import EXIT_REFUSED, json_option, print_json, run, wants_json
from gateway.http.serve import OPEN_FILES
from kernel.clock import HOUR_US, SECOND_US, SystemClock
from kernel.errors import DomainError
from runtime.context import connections_of_a_process
from runtime.installation import (
    known_secret_key,
    open_store,
    open_vault,
    opens_what_is_sealed,
    pool_options,
    redis_url,
)
from runtime.queue import QUEUE_NAME, wake_channel
from runtime.redis_faults import WORDS, check_usable, fault_of
from runtime.redis_link import CONNECTIONS_MAX
from runtime.redis_url import close_pool, connection_pool
from runtime.settings import Settings, SettingsError, load_settings, unknown_variables
from store.database import Transaction
from store.errors import StoreError
from store.open import file_of, open_database
from store.sqlite.space import space
from store.version import SchemaOutOfRange, changed_tables, differs, schema_version
from webhooks.deliveries.backlog import Backlog, look

CHECK_S_MAX = 5.0
CLOCK_OFF_S_MAX = 2.0
MB = 1_000_000
# Files, pipes, listeners and name servers' sockets, generously.
FILES_OF_A_PROCESS = 64
# As many clients of a gateway as are no surprise: four addresses with all that one may hold.
CLIENTS_MIN = 1_024
# Two nights, as the alert LedgerNotProved has it.
PROOF_AGE_H_MAX = 50


class _Sick(Exception):
    """A check failed; the message says what to do."""


class _Odd(Exception):
    """Worth knowing, and no reason to fail."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check saw. is_well null: worth knowing, and no reason to fail."""

    part: str
    is_well: bool | None
    detail: str


@click.command(
    epilog=examples(
        "topup doctor",
        "topup doctor --json",
    )
)
@json_option
@click.pass_context
def doctor(context: click.Context, /) -> None:
    """Check settings, database, clock, ledger, master key and Redis. Exit 1 if one is unwell.

    Where the database cannot be used, the exit code says why: docs/cli.md has the table.
    """
    codes: list[int] = []
    findings = run(_examine(load_settings(), codes))
    if wants_json():
        print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            mark, colour = {True: ("✓", "green"), False: ("✗", "red"), None: ("!", "yellow")}[
                finding.is_well
            ]
            click.echo(f"{click.style(mark, fg=colour)} {finding.part:<12}{finding.detail}")
    if any(finding.is_well is False for finding in findings):
        context.exit(codes[0] if codes else EXIT_REFUSED)


async def _examine(settings: Settings, codes: list[int]) -> list[Finding]:
    """What each check saw; codes: the exit codes of the database's faults go there."""
    check = partial(_check, settings=settings, codes=codes)
    return [
        _settings(settings),
        _webhooks(settings),
        await check("database", _database),
        await check("connections", _connections),
        await check("pooler", _pooler),
        await check("space", _space),
        _files(settings),
        await check("clock", _clock),
        await check("deliveries", _deliveries),
        await check("ledger", _ledger),
        await check("master key", _master_key),
        await _redis(settings),
        await _workers(settings),
    ]


def _settings(settings: Settings) -> Finding:
    odd = [f"{name}: no such setting" for name in unknown_variables()]
    odd += settings.providers.notes
    return Finding("settings", None if odd else True, "; ".join(odd) or "every variable is known")


def _webhooks(settings: Settings) -> Finding:
    """What webhooks may reach beside public addresses; strangers are not told (/readyz)."""
    if settings.webhook_allow_private:
        return Finding("webhooks", None, "may reach private addresses, and plain http in live")
    opened = [*map(str, settings.webhook_allow_cidrs), *settings.webhook_allow_hosts]
    detail = f"and {', '.join(opened)}" if opened else "only"
    return Finding("webhooks", True, f"reach public addresses {detail}")


async def _check(
    part: str,
    check: Callable[[Settings], Awaitable[str]],
    *,
    settings: Settings,
    codes: list[int],
) -> Finding:
    try:
        async with asyncio.timeout(CHECK_S_MAX):
            return Finding(part, True, await check(settings))
    except _Odd as error:
        return Finding(part, None, str(error))
    except TimeoutError:
        return Finding(part, False, f"no answer within {CHECK_S_MAX:.0f} s")
    except DomainError as error:
        return Finding(part, False, error.detail)
    except (_Sick, SettingsError) as error:
        return Finding(part, False, str(error))
    except (StoreError, SchemaOutOfRange) as error:
        codes.append(exit_code_of(error))
        return Finding(part, False, "; ".join(filter(None, words(error))))
    except OSError as error:
        return Finding(part, False, f"{type(error).__name__}: check TOPUP_DATABASE_URL")


async def _database(settings: Settings) -> str:
    kind = settings.database_address.partition(":")[0]
    async with open_store(settings) as database:
        started_s = time.perf_counter()
        version = await schema_version(database)
        took_ms = (time.perf_counter() - started_s) * 1000
        if version is not None and (changed := await changed_tables(database, version)):
            raise differs(version, changed)
        await database.probe(b"", now_us=SystemClock().now_us())
    return f"{kind}, schema {version}, answers in {took_ms:.1f} ms and keeps what is written"


async def _connections(settings: Settings) -> str:
    """Whether the server has room for what processes may open: those that are there, and two."""
    async with open_store(settings) as database:
        room = await database.room()
    if room is None:
        return "are to a file: no server counts them"
    each = connections_of_a_process(settings)
    fits = max(0, room.connections_max - room.others) // each
    detail = (
        f"up to {each} for each gateway and worker: the server's {room.connections_max} less"
        f" {room.others} of others have room for {fits}; {room.ours} are open"
    )
    if max(2 * each, room.ours) > fits * each:
        raise _Odd(
            f"{detail}. Too few: raise max_connections, lower TOPUP_DATABASE_CONNECTIONS or start"
            " fewer processes"
        )
    return detail


async def _pooler(settings: Settings) -> str:
    """Whether what needs a session of the server can have one."""
    direct = settings.database_direct_url.get_secret_value()
    async with open_store(settings) as database:
        place = await database.place()
        is_sharing = database.is_sharing_sessions
    if not direct:
        if is_sharing:
            raise _Odd(
                "gives each transaction another session, and TOPUP_DATABASE_DIRECT_URL is not set:"
                " migrate, backup and restore need it, and wake-ups without Redis"
            )
        return "none that shares sessions"
    server = open_database(direct, options=pool_options(settings))
    try:
        if await server.place() != place:
            raise _Sick("TOPUP_DATABASE_DIRECT_URL leads to another database than the pooler")
    finally:
        await server.close()
    if server.is_sharing_sessions:
        raise _Sick("TOPUP_DATABASE_DIRECT_URL leads to a pooler that shares sessions, too")
    return "is passed by where a session is needed"


async def _space(settings: Settings) -> str:
    """Whether a SQLite file can give back what is free in it."""
    path = file_of(settings.database_address)
    if path is None:
        return "is the server's"
    async with open_store(settings):
        found = space(path)
    detail = f"{found.size / MB:.1f} MB, of which {found.free / MB:.1f} MB are free"
    if not found.can_give_back:
        raise _Odd(f"{detail}; the file never gets smaller: `topup vacuum` at a calm moment")
    return f"{detail}; workers give it back in steps"


def _files(settings: Settings) -> Finding:
    """Whether a gateway that is started as this command is has descriptors for its clients."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    own = connections_of_a_process(settings) + CONNECTIONS_MAX + FILES_OF_A_PROCESS
    clients = max(0, limit - own)
    detail = f"up to {limit} for each process: {own} of its own, {clients} for a gateway's clients"
    if clients < CLIENTS_MIN:
        detail += ". Too few: raise the hard limit (LimitNOFILE, `ulimit -Hn`)"
    return Finding("files", True if clients >= CLIENTS_MIN else None, detail)


async def _clock(settings: Settings) -> str:
    async def work(tx: Transaction) -> int | None:
        row = await tx.fetch_one("SELECT DATABASE_NOW_US() AS now_us")
        return None if row is None or row["now_us"] is None else int(row["now_us"])

    async with open_store(settings) as database:
        theirs_us = await database.read(work)
    if theirs_us is None:
        return "is the database's own"
    off_s = abs(theirs_us - SystemClock().now_us()) / SECOND_US
    if off_s > CLOCK_OFF_S_MAX:
        raise _Sick(f"{off_s:.0f} s apart from the database's: run a time daemon on both machines")
    return "agrees with the database's"


async def _deliveries(settings: Settings) -> str:
    """What workers leave undone; a gateway's /readyz shows it and stays green."""
    now_us = SystemClock().now_us()
    attempt_us_max = round(settings.webhook_timeout_s * SECOND_US)

    async def work(tx: Transaction) -> Backlog:
        return await look(tx, now_us=now_us, attempt_us_max=attempt_us_max)

    async with open_store(settings) as database:
        backlog = await database.read(work)
    if backlog.overlooked_us:
        overlooked_s = backlog.overlooked_us / SECOND_US
        raise _Sick(f"due for {overlooked_s:.0f} s and no worker looks: does `topup worker` run?")
    return "none waits" if not backlog.oldest_due_us else "waiting ones are looked after"


async def _ledger(settings: Settings) -> str:
    """When `topup audit` last proved it; whether it is true now only another one says."""
    async with open_store(settings) as database:
        proof = await database.read(last_proof)
    if proof is None:
        raise _Odd("was never proved here: run `topup audit`, each night by a timer")
    if proof.findings:
        raise _Sick(
            f"{proof.findings} rows broke a rule: run `topup audit`, docs/alerts.md says what then"
        )
    age_h = (SystemClock().now_us() - proof.began_at) / HOUR_US
    if age_h > PROOF_AGE_H_MAX:
        raise _Odd(f"was last proved {age_h:.0f} h ago: run `topup audit`, each night by a timer")
    return f"was proved {age_h:.0f} h ago"


async def _master_key(settings: Settings) -> str:
    vault = open_vault(known_secret_key(settings))
    opens = await opens_what_is_sealed(settings, vault)
    if opens is False:
        raise _Sick("does not open what the database holds: is it another installation's?")
    return "opens what the database holds sealed" if opens else "is well-formed; nothing sealed yet"


async def _workers(settings: Settings) -> Finding:
    """How many listen for hints; one that is stopped is counted until its connection ends."""
    if not settings.redis_url.get_secret_value() and not settings.data_dir.is_dir():
        return Finding("workers", None, "cannot be counted without Redis")
    client = Redis(connection_pool=connection_pool(redis_url(settings)))
    try:
        async with asyncio.timeout(CHECK_S_MAX):
            [(_, listening)] = await client.pubsub_numsub(wake_channel(QUEUE_NAME))
    except (RedisError, OSError):
        return Finding("workers", None, "cannot be counted without Redis")
    finally:
        await close_pool(client.connection_pool)
    if not listening:
        return Finding("workers", None, "none listens on Redis: does `topup worker` run?")
    return Finding("workers", True, f"{listening} listen on Redis")


async def _redis(settings: Settings) -> Finding:
    missing = "TOPUP_REDIS_URL is empty and no embedded Redis runs"
    if not settings.redis_url.get_secret_value() and not settings.data_dir.is_dir():
        # Its socket's folder would be made where it is missing, and the data directory with it.
        return Finding("redis", None, missing)
    client = Redis(connection_pool=connection_pool(redis_url(settings)))
    try:
        async with asyncio.timeout(CHECK_S_MAX):
            await client.ping()
            started_s = time.perf_counter()
            await check_usable(client)
        took_ms = (time.perf_counter() - started_s) * 1000
        return Finding("redis", True, f"answers in {took_ms:.1f} ms, and takes what is written")
    except (RedisError, OSError) as error:
        if settings.redis_url.get_secret_value():
            return Finding("redis", False, WORDS[fault_of(error)])
        # Without it sends go on; wake-ups and shared limits do not.
        return Finding("redis", None, missing)
    finally:
        await close_pool(client.connection_pool)
