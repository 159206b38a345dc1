"""`topup backup`: copy the database consistently while everything keeps running."""

import time
from functools import partial
from pathlib import Path
from typing import Any

import click

from cli.bars import bar
from cli.database import save_if_writable
from cli.output import examples, fail, json_option, note, run, show_record
from kernel.clock import SystemClock, rfc3339
from kernel.version import running
from runtime.installation import is_database_missing
from runtime.settings import load_settings
from store.backup import back_up, kind_of
from store.database import Transaction, Work
from store.errors import BackupRefused, CannotOpen, Fault
from store.kept import backups
from store.open import file_of, open_database
from store.version import check_schema, schema_version

_ENDINGS = {True: "db", False: "dump"}


@click.command(
    epilog=examples(
        "topup backup     # a new file in this folder",
        "topup backup /backups/monday.dump",
        "rclone copy /backups remote:topup && topup backup --elsewhere",
    )
)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), required=False)
@click.option(
    "--elsewhere",
    is_flag=True,
    help="Only record that there is now a copy on another machine.",
)
@json_option
def backup(file: Path | None, elsewhere: bool) -> None:  # noqa: FBT001
    """Copy the database into a new FILE while the gateway keeps running.

    The copy is a snapshot of the database at one moment. It doesn't contain the master key, so store
    TOPUP_SECRET_KEY separately. PostgreSQL is copied with pg_dump. docs/backup.md says which work is repeated
    after a restore.

    Each copy is recorded. `topup database copies` lists the records.
    """
    settings = load_settings()
    url = settings.direct_address
    if is_database_missing(settings):
        raise fail(
            f"there is no database at {file_of(url)}",
            advice="check TOPUP_DATA_DIR and TOPUP_DATABASE_URL",
        )
    if elsewhere:
        if file is not None:
            raise click.UsageError("--elsewhere copies nothing: leave FILE out.")
        show_record({"id": run(_record_elsewhere(url)), "place": "elsewhere"})
        return
    target = file or Path(_name(is_file=file_of(url) is not None))
    schema, backup_id = run(_begin(url))
    began_s = time.monotonic()
    try:
        with bar("copying") as show:
            back_up(url, target, on_progress=show)
    except BackupRefused as error:
        raise fail(str(error)) from None
    size = target.stat().st_size
    if backup_id:
        run(_end(url, backup_id, size))
    record: dict[str, Any] = {
        "file": str(target),
        "bytes": size,
        "database": kind_of(target),
        "schema": schema,
        "code_version": running(),
        "took_s": round(time.monotonic() - began_s, 1),
    }
    show_record(record)
    note(
        "the copy doesn't contain the master key: store TOPUP_SECRET_KEY, and earlier ones, separately"
    )


async def _begin(url: str) -> tuple[str | None, str]:
    """Record that a copy has begun. Return the schema's version and the record's ID.

    If the database is read-only or has an older schema, nothing is recorded and the ID is empty.
    """
    schema = await schema_of(url)
    ids: list[str] = []

    async def work(tx: Transaction) -> None:
        ids[:] = [await backups.begin(tx, now_us=SystemClock().now_us(), code_version=running())]

    await _save(url, work)
    return schema, "".join(ids)


async def _end(url: str, backup_id: str, size: int) -> None:
    await _save(url, partial(_end_record, backup_id=backup_id, size=size))


async def _end_record(tx: Transaction, *, backup_id: str, size: int) -> None:
    await backups.end(tx, backup_id, now_us=SystemClock().now_us(), size=size)


async def _save(url: str, work: Work[None]) -> None:
    database = open_database(url)
    try:
        await save_if_writable(database, work)
    finally:
        await database.close()


async def _record_elsewhere(url: str) -> str:
    database = open_database(url)
    try:
        await check_schema(database)
        return await database.transaction(
            partial(backups.record_elsewhere, now_us=SystemClock().now_us(), code_version=running())
        )
    finally:
        await database.close()


async def schema_of(url: str) -> str | None:
    """Return the schema's version. Raise StoreError if it can't be read, or if a pooler shares the server's
    sessions.
    """
    database = open_database(url)
    try:
        version = await schema_version(database)
        if database.is_sharing_sessions:
            raise CannotOpen(Fault.POOLER_SHARES_SESSIONS, "pooler")
        return version
    finally:
        await database.close()


def _name(*, is_file: bool) -> str:
    moment = rfc3339(SystemClock().now_us())
    stamp = "".join(character for character in moment if character not in "-:")
    return f"topup-{stamp}.{_ENDINGS[is_file]}"
