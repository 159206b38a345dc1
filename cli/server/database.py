"""`topup database`: show the database's servers, and recover after losing one."""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import click

from billing.topups.queries import unknown_ids
from cli.database import read
from cli.output import EXIT_REFUSED, examples, fail, json_option, note, run, show_record, show_rows
from kernel.clock import SECOND_US, SystemClock, rfc3339
from keys import audit_log
from keys.audit_log import Actor
from keys.principal import Environment
from runtime.installation import kept_commits, pool_options
from runtime.settings import load_settings
from store.database import Store, Transaction
from store.kept import backups, commits
from store.kept.backups import Backup
from store.open import file_of, open_database
from store.servers import SeenServer
from store.version import check_schema
from webhooks.events import cursor as event_cursor

LIVE: Final[Environment] = "live"
_IDS_MAX: Final = 500
_SUCCESS: Final = range(200, 300)


@click.group(
    epilog=examples(
        "topup database status",
        'topup database accept-loss --reason "db1 burned down, db2 lagged by 2 s"',
    )
)
def database() -> None:
    """Show which database servers are used or refused, list copies, and find what a failover lost."""


@database.command(
    "status",
    epilog=examples(
        "topup database status",
        "topup database status --json",
    ),
)
@json_option
@click.pass_context
def status(context: click.Context) -> None:
    """Show each server that TOPUP_DATABASE_URL names. Exit 1 if one is refused."""
    seen, accepted = run(_status())
    show_rows(
        [_shown(one) for one in seen],
        "server",
        "role",
        "timeline",
        "refused",
        "error",
        "missing",
        "missing_from",
        "missing_to",
    )
    for one in accepted:
        note(f"a loss was accepted at {rfc3339(one.accepted_at)}: {one.reason}")
    if any(one.fault is not None and one.role == "primary" for one in seen):
        context.exit(EXIT_REFUSED)


@database.command(
    "accept-loss",
    epilog=examples(
        'topup database accept-loss --reason "db1 burned down, db2 lagged by 2 s"',
    ),
)
@click.option("--reason", required=True, help="The reason, which is written to the audit log.")
@json_option
def accept_loss(reason: str) -> None:
    """Accept a database that lacks acknowledged commits, or an old primary.

    First, look for a server that has the commits. If several servers claim to be the primary, name only the right one
    in TOPUP_DATABASE_URL.
    """
    record = run(_accept(reason))
    show_record(record)
    note("gateways and workers continue within seconds; start those again that have ended")
    note("next: docs/failover.md on finding what was lost, then `topup audit`")


@database.command(
    "lost",
    epilog=examples(
        "topup database lost gateway.log",
        "journalctl -u topup-gateway --since 02:00 -o cat | topup database lost -",
    ),
)
@click.argument("log", nargs=-1, required=True, type=click.File(errors="replace"))
@json_option
@click.pass_context
def lost(context: click.Context, log: Sequence[Iterable[str]]) -> None:
    """List the top-ups that the gateway's log confirms but the database lacks. Exit 1 if there are any.

    The gateway must have logged JSON (TOPUP_LOG_FORMAT=json).
    """
    answered = {line["transaction_id"]: line for file in log for line in _answered(file)}
    rows = run(_lost(answered))
    shown = ("at", "transaction_id", "account_id", "environment", "request_id")
    show_rows([{name: row.get(name) for name in shown} for row in rows], *shown)
    note(f"{len(answered)} answered, {len(rows)} of them are not in the database")
    if rows:
        context.exit(EXIT_REFUSED)


@database.command(
    "copies",
    epilog=examples(
        "topup database copies",
        "topup database copies --json",
    ),
)
@json_option
def copies() -> None:
    """List the latest recorded copies of the database, each with the build that made it.

    A copy without an end time is still running or has failed. The copy that this database was restored from has no
    end time either.
    """
    names = ("began_at", "place", "ended_at", "bytes", "code_version")
    show_rows([_shown_copy(one) for one in run(read(backups.newest))], *names)


async def _status() -> tuple[Sequence[SeenServer], Sequence[commits.AcceptedLoss]]:
    store = _open(is_known=True)
    try:
        seen = await store.servers.check_all()
    finally:
        await store.close()
    store = _open(is_known=False)
    try:
        await check_schema(store)
        return seen, await store.read(commits.newest_loss)
    finally:
        await store.close()


async def _accept(reason: str) -> dict[str, Any]:
    store = _open(is_known=True)
    try:
        seen = await store.servers.check_all()
    finally:
        await store.close()
    # Don't check for acknowledged commits, because this command accepts that some are missing.
    store = _open(is_known=False)
    try:
        await check_schema(store)
        position = store.servers.position
        behind = [one for one in seen if one.missing and one.position == position]
        from_us = round(max((one.missing_from_s for one in behind), default=0) * SECOND_US) or None
        until_us = round(max((one.missing_to_s for one in behind), default=0) * SECOND_US) or None
        return await store.transaction(_acceptance(reason, from_us, until_us))
    finally:
        await store.close()


def _acceptance(reason: str, from_us: int | None, until_us: int | None) -> Any:
    async def work(tx: Transaction) -> dict[str, Any]:
        row = await tx.fetch_one("SELECT DATABASE_NOW_US() AS now_us")
        now_us = (row and row["now_us"]) or SystemClock().now_us()
        accepted = await commits.accept_loss(
            tx, now_us=now_us, lost_from_at=from_us, lost_until_at=until_us, reason=reason
        )
        # Lost event numbers will be reused, so earlier cursors must become invalid.
        await event_cursor.renew(tx, epoch=accepted.accepted_at // SECOND_US)
        record = {
            "accepted_at": rfc3339(accepted.accepted_at),
            "lost_from": None if from_us is None else rfc3339(from_us),
            "lost_until": None if until_us is None else rfc3339(until_us),
            "reason": reason,
        }
        entry = audit_log.entry(
            Actor(),
            "database.loss_accepted",
            environment=LIVE,
            subject_id="database",
            now_us=now_us,
            after=record,
            reason=reason,
        )
        await audit_log.record(tx, [entry])
        return record

    return work


def _open(*, is_known: bool) -> Store:
    settings = load_settings()
    if file_of(settings.database_address) is not None:
        raise fail("SQLite has no servers: the database is a file of this machine")
    return open_database(
        settings.database_address,
        options=pool_options(settings),
        kept=kept_commits(settings) if is_known else None,
    )


def _shown(one: SeenServer) -> dict[str, Any]:
    return {
        "server": one.address,
        "role": one.role,
        "system": str(one.system) if one.system else None,
        "timeline": one.position.timeline if one.position is not None else None,
        "refused": None if one.fault is None else one.fault.value,
        "error": one.error or None,
        "missing": one.missing,
        "missing_from": _time(one.missing_from_s),
        "missing_to": _time(one.missing_to_s),
    }


def _shown_copy(one: Backup) -> dict[str, Any]:
    return {
        "began_at": rfc3339(one.began_at),
        "place": one.place,
        "ended_at": None if one.ended_at is None else rfc3339(one.ended_at),
        "bytes": one.size,
        "code_version": one.code_version,
    }


def _time(at_s: float) -> str | None:
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds") if at_s else None


def _answered(file: Iterable[str]) -> Iterator[dict[str, Any]]:
    for text in file:
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if isinstance(line, dict) and line.get("transaction_id") and line.get("status") in _SUCCESS:
            yield line


async def _lost(answered: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    ids = list(answered)
    missing: list[str] = []
    for start in range(0, len(ids), _IDS_MAX):
        part = ids[start : start + _IDS_MAX]
        missing += await read(partial(unknown_ids, ids=part))
    return [answered[one] for one in missing]
