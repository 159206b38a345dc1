"""`topup backup`: a copy of the database, consistent though everything goes on."""

import time
from pathlib import Path
from typing import Any

import click

from cli.bars import bar
from cli.examples import examples
from cli.output import fail, json_option, note, run, show_record
from kernel.clock import SystemClock, rfc3339
from runtime.installation import is_database_missing
from runtime.settings import load_settings
from store.backup import back_up, kind_of
from store.errors import BackupRefused
from store.faults import CannotOpen, Fault
from store.open import file_of, open_database
from store.version import schema_version

_ENDINGS = {True: "db", False: "dump"}


@click.command(
    epilog=examples(
        "topup backup     # a new file in this folder",
        "topup backup /backups/monday.dump",
    )
)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), required=False)
@json_option
def backup(file: Path | None) -> None:
    """Copy the database into a new FILE while everything goes on.

    The copy is the database at one moment. It holds no master key: keep TOPUP_SECRET_KEY apart.
    PostgreSQL is copied by its own pg_dump. docs/operations.md says what a restore repeats.
    """
    settings = load_settings()
    url = settings.direct_address
    if is_database_missing(settings):
        raise fail(
            f"there is no database at {file_of(url)}",
            advice="check TOPUP_DATA_DIR and TOPUP_DATABASE_URL",
        )
    target = file or Path(_name(is_file=file_of(url) is not None))
    schema = run(schema_of(url))
    began_s = time.monotonic()
    try:
        with bar("copying") as show:
            back_up(url, target, on_progress=show)
    except BackupRefused as error:
        raise fail(str(error)) from None
    record: dict[str, Any] = {
        "file": str(target),
        "bytes": target.stat().st_size,
        "database": kind_of(target),
        "schema": schema,
        "took_s": round(time.monotonic() - began_s, 1),
    }
    show_record(record)
    note("the master key is not in it: keep TOPUP_SECRET_KEY, and the ones before it, apart")


async def schema_of(url: str) -> str | None:
    """The schema's version, of a server that gives us a session of our own; raises StoreError."""
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
