"""`topup vacuum`: rewrite an SQLite file without its free space."""

import time

import click

from cli.output import examples, fail, json_option, note, show_record
from runtime.installation import is_database_missing
from runtime.settings import load_settings
from store.open import file_of
from store.sqlite.file import space, vacuum as vacuum_file


@click.command(
    epilog=examples(
        "topup vacuum",
    )
)
@json_option
def vacuum() -> None:
    """Rewrite the SQLite file without its free space.

    This is seldom needed, because workers return free space automatically. `topup doctor` reports a file that
    was created without this feature. The command takes about 5 s per gigabyte. During that time, nothing can
    be written, and the disk needs room for twice the file's size. PostgreSQL frees space itself.
    """
    settings = load_settings()
    path = file_of(settings.database_address)
    if path is None:
        note("PostgreSQL frees space itself (autovacuum), so nothing was done")
        return
    if is_database_missing(settings):
        raise fail(
            f"there is no database at {path}", advice="check TOPUP_DATA_DIR and TOPUP_DATABASE_URL"
        )
    before = space(path)
    began_s = time.monotonic()
    vacuum_file(path)
    show_record(
        {
            "file": str(path),
            "bytes_before": before.size,
            "bytes": space(path).size,
            "took_s": round(time.monotonic() - began_s, 1),
        }
    )
