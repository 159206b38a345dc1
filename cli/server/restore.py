"""`topup restore`: replace the configured database with a copy made by `topup backup`."""

import contextlib
from pathlib import Path
from typing import Any, NamedTuple

import click

from cli.bars import bar
from cli.output import examples, fail, json_option, note, run, show_record
from cli.server.backup import schema_of
from kernel.clock import SECOND_US, SystemClock, rfc3339
from runtime.installation import known_secret_key, open_vault, opens_what_is_sealed
from runtime.settings import Settings, SettingsError, load_settings
from store.backup import restore as restore_database
from store.database import Transaction
from store.errors import BackupRefused, StoreError
from store.kept import backups, commits
from store.kept.backups import Backup
from store.open import file_of, open_database
from store.version import SchemaOutOfRange, check_schema, migrated_by, schema_version
from webhooks.events import cursor as event_cursor

_SEALED = {True: "opens", False: "does not open", None: "nothing sealed"}


@click.command(
    epilog=examples(
        "topup restore topup-20260613T120000Z.db",
        "topup restore monday.dump --replace     # what is there is dropped (PostgreSQL) or kept aside",
    )
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="Replace an existing database.")
@json_option
def restore(file: Path, replace: bool) -> None:  # noqa: FBT001
    """Replace the configured database with a copy. First, stop the gateways and workers.

    All changes made after the copy are lost. Work that was unfinished at the time of the copy runs again. Read
    docs/backup.md before you start anything.
    """
    settings = load_settings()
    aside = f"before-restore-{SystemClock().now_us()}"
    target = file_of(settings.database_address)
    if target is None:
        run(schema_of(settings.direct_address))
    try:
        with bar("restoring") as show:
            restore_database(
                settings.direct_address, file, replace=replace, aside=aside, on_progress=show
            )
    except BackupRefused as error:
        raise fail(str(error)) from None
    seen = run(_finish(settings))
    kept = None if target is None else target.with_name(f"{target.name}.{aside}")
    record: dict[str, Any] = {
        "file": str(file),
        "schema": seen.schema,
        "migrated_by": seen.migrated_by,
        "copied_at": None if seen.copy is None else rfc3339(seen.copy.began_at),
        "copied_by": None if seen.copy is None else seen.copy.code_version,
        "master_key": seen.sealed,
        "kept_aside": str(kept) if kept is not None and kept.exists() else None,
    }
    show_record(record)
    if seen.warning:
        note(seen.warning)
    if seen.sealed == _SEALED[False]:
        note(
            "warning: the copy was made under another master key; set TOPUP_SECRET_KEY to that key"
        )
    note("next: run `topup audit` and `topup doctor`, then read docs/backup.md on what is repeated")


async def _renew_epoch(tx: Transaction) -> None:
    await event_cursor.renew(tx, epoch=SystemClock().now_us() // SECOND_US)


async def _accept_loss(tx: Transaction) -> None:
    now_us = SystemClock().now_us()
    await commits.accept_loss(
        tx, now_us=now_us, lost_from_at=None, lost_until_at=now_us, reason="topup restore"
    )


async def _copy(tx: Transaction) -> Backup | None:
    """Return the restored copy's own record: the newest one, which has no end time."""
    last = next((one for one in await backups.newest(tx) if one.place == "local"), None)
    return None if last is None or last.ended_at is not None else last


class _Seen(NamedTuple):
    """What was restored. `sealed` says whether the master key decrypts the copy. `warning` says why this code can't run
    on the copy.
    """

    schema: str | None
    migrated_by: str | None
    copy: Backup | None
    sealed: str
    warning: str


async def _finish(settings: Settings) -> _Seen:
    database = open_database(settings.database_address)
    warning = ""
    copy = None
    try:
        schema = await schema_version(database)
        by = None if schema is None else await migrated_by(database, schema)
        with contextlib.suppress(StoreError):  # An older schema has no record of copies.
            copy = await database.read(_copy)
        try:
            await check_schema(database)
        except SchemaOutOfRange as error:
            warning = str(error)
        # Event numbers issued since the copy will be reused, so earlier cursors must become invalid.
        with contextlib.suppress(
            StoreError
        ):  # If the schema has no epochs yet, `topup migrate` adds one.
            await database.transaction(_renew_epoch)
        # An older schema lacks the table for accepted losses. `topup migrate` adds it.
        with contextlib.suppress(StoreError):
            await database.transaction(_accept_loss)
    finally:
        await database.close()
    secret_key = known_secret_key(settings)
    try:
        vault = open_vault(secret_key) if secret_key else None
    except SettingsError:
        vault = None
    sealed = _SEALED[await opens_what_is_sealed(settings, vault)]
    return _Seen(schema, by, copy, sealed, warning)
