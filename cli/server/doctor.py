"""`topup doctor`: check each part that a process depends on."""

import asyncio
import resource
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Final

import click
from aiosmtplib import SMTPAuthenticationError, SMTPException

from billing.checkpoints.checkpoint import day_text
from billing.checkpoints.sealing import standings
from billing.ledger.proof import last_proof
from billing.machine_payments.payment import count_stuck
from billing.manual_review import waiting
from billing.recipients.smtp import SmtpSender
from billing.records.sealing import record_standing
from billing.topups.platform import PlatformBook
from billing.topups.platform_rows import list_suppliers, read_book
from cli.faults import exit_code_of, words
from cli.output import EXIT_REFUSED, examples, json_option, print_json, run, wants_json
from cli.server.doctor_checks import (
    CheckError,
    CheckWarning,
    Finding,
    backups,
    brand,
    clock,
    connections,
    contradictions,
    database,
    outside,
    payments,
    pooler,
    redis,
    redis_clock,
    redis_room,
    servers,
    space,
    staging,
    tracing,
    workers,
)
from gateway.http.serve import OPEN_FILES
from kernel.clock import HOUR_US, SECOND_US, SystemClock
from kernel.errors import DomainError
from runtime.context import connections_of_a_process, webhook_policy
from runtime.installation import (
    known_secret_key,
    open_store,
    open_vault,
    opens_what_is_sealed,
)
from runtime.redis_link import CONNECTIONS_MAX
from runtime.settings import (
    Settings,
    SettingsError,
    load_settings,
    nearest_setting,
    unknown_variables,
)
from store.backup import check_tools
from store.database import Transaction
from store.errors import BackupRefused, StoreError
from store.open import file_of
from store.version import SchemaOutOfRange
from webhooks.deliveries.backlog import Backlog, measure
from webhooks.endpoints.resealing import count_older

MIB: Final = 1024 * 1024
# Below the first limit, writes may fail. Below the second, there is still time to act.
FREE_MIB_MIN: Final = 256
FREE_MIB_ENOUGH: Final = 2048
# A generous allowance for files, pipes, listeners and DNS sockets.
FILES_OF_A_PROCESS: Final = 64
# Enough for four client addresses, each with as many connections as it may open.
CLIENTS_MIN: Final = 1_024

CHECK_S_MAX = 5.0
# Up to two nightly audits may be missed. The alert LedgerNotProved has the same limit.
PROOF_AGE_H_MAX = 50
# Keep this limit equal to that of the alert CheckpointOverdue.
SEAL_LATE_US = 6 * HOUR_US
# Workers sign hourly. Up to two heads may be missed.
HEAD_LATE_US = 3 * HOUR_US


async def copies(settings: Settings) -> str:
    try:
        return await asyncio.to_thread(check_tools, settings.direct_address)
    except BackupRefused as error:
        raise CheckError(str(error)) from None
    except ValueError:
        raise CheckError("TOPUP_DATABASE_URL cannot be read: see `database` above") from None


async def disk(settings: Settings) -> str:
    """Report the free space on the disk of the SQLite file or data directory. A database server's disk can't
    be checked from here.
    """
    file = file_of(settings.database_address)
    where = settings.data_dir.absolute() if file is None else file.absolute().parent
    try:
        folder = _that_exists(where)
        free_mib = shutil.disk_usage(folder).free // MIB
    except PermissionError:
        raise CheckWarning(
            f"{where} can't be read by this user: run this command as the user of the gateways"
        ) from None
    detail = f"{free_mib:,} MiB are free at {folder}"
    if free_mib < FREE_MIB_MIN:
        raise CheckError(f"{detail}. Below {FREE_MIB_MIN} MiB, writes begin to fail: make room now")
    # A copy, or a migration that rewrites a table, needs as much space as the file.
    needed_mib = FREE_MIB_ENOUGH if file is None else max(FREE_MIB_ENOUGH, _size(file) // MIB)
    if free_mib < needed_mib:
        raise CheckWarning(
            f"{detail}, less than {needed_mib:,}: make room, or move the data to a larger disk"
        )
    return (
        detail if file is not None else f"{detail}; the database's own disk is not seen from here"
    )


def files(settings: Settings) -> Finding:
    """Report whether a gateway with the same limits as this command can open enough files for its clients."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    own = connections_of_a_process(settings) + CONNECTIONS_MAX + FILES_OF_A_PROCESS
    clients = max(0, limit - own)
    detail = f"up to {limit} for each process: {own} of its own, {clients} for a gateway's clients"
    if clients < CLIENTS_MIN:
        detail += ". Too few: raise the hard limit (LimitNOFILE, `ulimit -Hn`)"
    return Finding("files", True if clients >= CLIENTS_MIN else None, detail)


def _that_exists(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


@click.command(
    epilog=examples(
        "topup doctor",
        "topup doctor --json",
    )
)
@json_option
@click.pass_context
def doctor(context: click.Context, /) -> None:
    """Check everything that this installation depends on. Exit 1 if something is wrong.

    The checks cover settings, the public address and its proxy, the database, connections, clocks, deliveries, the
    ledger, workers, the master key, backups, the disk and Redis. Redis is optional, so its absence is only noted. If
    the database can't be used, the exit code says why (see docs/cli.md).
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
            click.echo(f"{click.style(mark, fg=colour)} {finding.part:<14}{finding.detail}")
    if any(finding.is_well is False for finding in findings):
        context.exit(codes[0] if codes else EXIT_REFUSED)


async def _examine(settings: Settings, codes: list[int]) -> list[Finding]:
    check = partial(_check, settings=settings, codes=codes)
    seen = await check("database", database)
    # If the database can't be opened, further checks of it would only repeat the reason.
    is_open = seen.is_well is not False or await _opens(settings)
    ask = check if is_open else _not_asked
    return [
        _settings(settings),
        contradictions(settings),
        payments(settings),
        *await outside(settings),
        _webhooks(settings),
        *brand(settings),
        tracing(settings),
        seen,
        await ask("servers", servers),
        await ask("connections", connections),
        await ask("pooler", pooler),
        await ask("space", space),
        await ask("staging", staging),
        files(settings),
        await ask("clock", clock),
        await ask("deliveries", _deliveries),
        await ask("platforms", _platforms),
        await ask("manual-review", _manual_review),
        await ask("ledger", _ledger),
        await ask("checkpoints", _checkpoints),
        await ask("machines", _machine_payments),
        await ask("master key", _master_key),
        await _mail(settings),
        await ask("copies", backups),
        await ask("copy tools", copies),
        await check("disk", disk),
        await redis(settings),
        await check("redis room", redis_room),
        await check("redis clock", redis_clock),
        await workers(settings),
    ]


async def _opens(settings: Settings) -> bool:
    """Return whether the database can still be queried despite a fault, such as a full disk."""
    try:
        async with asyncio.timeout(CHECK_S_MAX), open_store(settings):
            return True
    except (StoreError, SchemaOutOfRange, OSError):
        return False


async def _not_asked(part: str, _check: Callable[[Settings], Awaitable[str]]) -> Finding:
    return Finding(part, None, "wasn't checked: see `database` above")


def _settings(settings: Settings) -> Finding:
    odd = [_unknown(name) for name in unknown_variables()]
    odd += settings.providers.notes
    return Finding("settings", None if odd else True, "; ".join(odd) or "every variable is known")


def _unknown(name: str) -> str:
    meant = nearest_setting(name)
    return f"{name}: no such setting" + (f", did you mean {meant}?" if meant else "")


def _webhooks(settings: Settings) -> Finding:
    """Report which non-public addresses webhooks may reach."""
    if settings.webhook_allow_private:
        return Finding("webhooks", None, "may reach private addresses, and plain http in live")
    opened = [*map(str, settings.webhook_allow_cidrs), *settings.webhook_allow_hosts]
    detail = f"and {', '.join(opened)}" if opened else "only"
    own = ", ".join(webhook_policy(settings).own_addresses_shown)
    never = f"; never {own}, where the gateway listens, at any port" if own and opened else ""
    return Finding(
        "webhooks", True, f"reach public addresses {detail}{never}; never this gateway's own ports"
    )


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
    except CheckWarning as error:
        return Finding(part, None, str(error))
    except TimeoutError:
        return Finding(part, False, f"no answer within {CHECK_S_MAX:.0f} s")
    except DomainError as error:
        return Finding(part, False, error.detail)
    except (CheckError, SettingsError) as error:
        return Finding(part, False, str(error))
    except (StoreError, SchemaOutOfRange) as error:
        codes.append(exit_code_of(error))
        return Finding(part, False, "; ".join(filter(None, words(error))))
    except OSError as error:
        return Finding(part, False, f"{type(error).__name__}: check TOPUP_DATABASE_URL")


async def _deliveries(settings: Settings) -> str:
    now_us = SystemClock().now_us()
    attempt_us_max = round(settings.webhook_timeout_s * SECOND_US)

    async def work(tx: Transaction) -> Backlog:
        return await measure(tx, now_us=now_us, attempt_us_max=attempt_us_max)

    async with open_store(settings) as database:
        backlog = await database.read(work)
    if backlog.overlooked_us:
        overlooked_s = backlog.overlooked_us / SECOND_US
        raise CheckError(
            f"a delivery has been due for {overlooked_s:.0f} s, and no worker claims it. Does `topup worker` run?"
        )
    return (
        "no delivery is waiting"
        if not backlog.oldest_due_us
        else "waiting deliveries are claimed in time"
    )


async def _manual_review(settings: Settings) -> str:
    now_us = SystemClock().now_us()
    async with open_store(settings) as database:
        found = await database.read(lambda tx: waiting.gauges(tx, now_us=now_us))
    person, overdue = found["live", "person"], found["live", "overdue"]
    if person or overdue:
        raise CheckWarning(
            f"{person} live top-ups wait for an operator and {overdue} are overdue:"
            " `topup manual-review list --environment live --view person` (or overdue)"
        )
    return "no live top-up waits for an operator"


async def _platforms(settings: Settings) -> str:
    async def work(tx: Transaction) -> tuple[PlatformBook, list[str]]:
        rows = await list_suppliers(tx, "live")
        silent = [row.id for row in rows if row.is_active and row.breaker_opened_at is not None]
        return await read_book(tx), silent

    async with open_store(settings) as database:
        book, silent = await database.read(work)
    live = book.of("live")
    if silent:
        raise CheckWarning(
            f"no response from {', '.join(silent)}: `topup suppliers check` says why"
        )
    if missing := live.without_supplier():
        raise CheckWarning(
            f"live doesn't offer {', '.join(missing)}, because they have no supplier: see"
            " `topup platforms set`"
        )
    offered = [one.id for one in live.offered()]
    return f"live offers {', '.join(offered)}" if offered else "are stored at the first start"


async def _ledger(settings: Settings) -> str:
    """Report when `topup audit` last proved the ledger. Only another audit shows whether it is still correct."""
    async with open_store(settings) as database:
        proof = await database.read(last_proof)
    if proof is None:
        raise CheckWarning("was never proved here: run `topup audit` each night from a timer")
    if proof.findings:
        raise CheckError(
            f"rows that broke a rule: {proof.findings}. Run `topup audit`; docs/alerts.md says how to continue"
        )
    age_h = (SystemClock().now_us() - proof.began_at) / HOUR_US
    if age_h > PROOF_AGE_H_MAX:
        raise CheckWarning(
            f"was last proved {age_h:.0f} h ago: run `topup audit` each night from a timer"
        )
    return f"was proved {age_h:.0f} h ago"


async def _machine_payments(settings: Settings) -> str:
    async with open_store(settings) as database:
        found = await database.read(count_stuck)
    if found["live"]:
        raise CheckWarning(
            f"{found['live']} payments may or may not have been settled: `topup payments list --environment live"
            " --state stuck`. docs/alerts.md says how to continue"
        )
    return "no payment waits for an operator"


async def _checkpoints(settings: Settings) -> str:
    now_us = SystemClock().now_us()
    async with open_store(settings) as database:
        found = await database.read(standings)
        records = await database.read(record_standing)
    if records is not None and records.head is not None:
        age_us = now_us - records.head.sealed_at
        if age_us > HEAD_LATE_US:
            raise CheckWarning(
                f"the record log was last signed {age_us / HOUR_US:.0f} h ago, so what is newer is"
                " unproved: does a worker run? `topup checkpoints seal` says what is wrong"
            )
    overdue = [
        one for one in found if one.due_at is not None and one.due_at + SEAL_LATE_US < now_us
    ]
    if overdue:
        raise CheckWarning(
            f"no day of {' and '.join(one.environment for one in overdue)} was sealed in time: does a"
            " worker run? `topup checkpoints seal` says what is wrong"
        )
    last = max((one.last_day or 0 for one in found), default=0)
    return f"the last sealed day is {day_text(last)}" if last else "no day is over yet"


async def _master_key(settings: Settings) -> str:
    vault = open_vault(known_secret_key(settings))
    opens = await opens_what_is_sealed(settings, vault)
    if opens is False:
        raise CheckError(
            "doesn't open what the database holds encrypted. Is it another installation's key?"
        )
    if not opens or vault is None:
        return "is well-formed; nothing is encrypted yet"
    async with open_store(settings) as database:
        older = await database.read(lambda tx: count_older(tx, vault))
    if older:
        raise CheckWarning(
            f"opens what the database holds; {older} secrets are under an older key, which must stay in"
            " TOPUP_SECRET_KEY. A worker encrypts them again within an hour; stored responses end within a day"
        )
    return "opens what the database holds; all of it is encrypted under the newest key"


async def _mail(settings: Settings) -> Finding:
    server, mail_from = settings.smtp_server, settings.mail_sender
    if server is None or mail_from is None:
        return Finding("mail", None, "TOPUP_SMTP_URL is empty: mail stays in the outbox")
    sender = SmtpSender(server, our_domain=mail_from.domain, send_s=CHECK_S_MAX)
    try:
        said = await sender.check()
    except TimeoutError:
        return Finding("mail", False, f"no answer within {CHECK_S_MAX:.0f} s: check TOPUP_SMTP_URL")
    except SMTPAuthenticationError:
        return Finding("mail", False, "the user or the password of TOPUP_SMTP_URL is refused")
    except (SMTPException, OSError) as error:
        return Finding("mail", False, f"{type(error).__name__}: check TOPUP_SMTP_URL")
    where = "live and staging" if settings.mail_staging else "live"
    return Finding("mail", True, f"{said}; from {mail_from.addr_spec}, in {where}")
