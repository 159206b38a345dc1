"""`topup migrate`: brings the database to the newest schema."""

import sqlite3

import click
from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from cli.examples import examples
from cli.output import EXIT_UNREACHABLE, EXIT_USAGE, fail, json_option, run, show_record
from runtime.installation import open_store
from runtime.settings import Settings, load_settings
from store.errors import StoreError
from store.migrate import migrate as migrate_database
from store.version import schema_version

_DAMAGED = ("SQLITE_NOTADB", "SQLITE_CORRUPT")


@click.command(
    epilog=examples(
        "topup migrate",
    )
)
@click.option("--revision", default="head", show_default=True, help="Schema version to go to.")
@json_option
def migrate(revision: str) -> None:
    """Bring the database to the newest schema; does nothing when it is there."""
    settings = load_settings()
    migrate_now(settings, revision=revision)
    show_record({"schema": run(_version(settings))})


def migrate_now(settings: Settings, *, revision: str = "head") -> None:
    """Migrates; ends the command with a sentence when the database cannot be used."""
    try:
        migrate_database(settings.database_address, revision=revision)
    except CommandError as error:
        # Its text names a revision, ours or the database's, and nothing else.
        raise fail(
            f"the database cannot be migrated: {error}",
            advice="leave --revision out for the newest; a newer database needs a newer topup",
            exit_code=EXIT_USAGE,
        ) from None
    except (SQLAlchemyError, StoreError, OSError, sqlite3.Error) as error:
        # The driver's message holds statements and addresses; its class says enough.
        cause = getattr(error, "orig", None) or error
        if getattr(cause, "sqlite_errorname", "").startswith(_DAMAGED):
            raise fail(
                "the database cannot be migrated: its file is damaged, or not one of SQLite",
                advice="check TOPUP_DATABASE_URL and TOPUP_DATA_DIR, or put a backup in its place",
                exit_code=EXIT_UNREACHABLE,
            ) from None
        raise fail(
            f"the database cannot be migrated: {type(cause).__name__}",
            advice="check TOPUP_DATABASE_URL, and that its user may create tables",
            exit_code=EXIT_UNREACHABLE,
        ) from None


async def _version(settings: Settings) -> str | None:
    async with open_store(settings) as database:
        return await schema_version(database)
