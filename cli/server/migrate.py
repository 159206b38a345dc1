"""`topup migrate`: bring the database to the newest schema."""

import sqlite3

import click
from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from cli.output import (
    EXIT_UNREACHABLE,
    EXIT_USAGE,
    examples,
    fail,
    json_option,
    note,
    run,
    show_record,
)
from runtime.installation import is_database_missing, kept_commits, pool_options
from runtime.settings import Settings, load_settings
from store.migrate import RevisionPassed, migrate as migrate_database
from store.open import file_of, open_database
from store.version import VERSIONS, changed_tables, differs, schema_version


@click.command(
    epilog=examples(
        "topup migrate",
    )
)
@click.option("--revision", default="head", show_default=True, help="Schema version to migrate to.")
@json_option
def migrate(revision: str) -> None:
    """Bring the database to the newest schema. Do nothing if it already has that schema.

    A missing SQLite file is created, with its folder. The command refuses a schema that was changed by
    hand, is newer than --revision, or is newer than this code supports.
    """
    settings = load_settings()
    is_new = is_database_missing(settings)
    migrate_now(settings, revision=revision)
    if is_new:
        note(
            f"there was no database, so a new one was created at {file_of(settings.database_address)}"
        )
    version = run(_version(settings))
    if version is not None and version > VERSIONS[-1]:
        note(
            f"a newer topup migrated the database. This one, which knows {VERSIONS[-1]}, runs on it"
        )
    show_record({"schema": version})


def migrate_now(settings: Settings, *, revision: str = "head") -> None:
    """Migrate. Exit with a message if the database can't be used."""
    try:
        migrate_database(settings.direct_address, revision=revision)
    except RevisionPassed as error:
        raise fail(str(error)) from None
    except CommandError as error:
        # The message contains only the name of a revision.
        raise fail(
            f"the database cannot be migrated: {error}",
            advice="leave --revision out for the newest; a newer database needs a newer topup",
            exit_code=EXIT_USAGE,
        ) from None
    except (SQLAlchemyError, OSError, sqlite3.Error) as error:
        # The driver's message contains statements and addresses, so print only the error's class.
        cause = getattr(error, "orig", None) or error
        raise fail(
            f"the database cannot be migrated: {type(cause).__name__}",
            advice="nothing was changed; check whether another application's table is in the way",
            exit_code=EXIT_UNREACHABLE,
        ) from None


async def _version(settings: Settings) -> str | None:
    database = open_database(
        settings.database_address, options=pool_options(settings), kept=kept_commits(settings)
    )
    try:
        version = await schema_version(database)
        if version is not None and (changed := await changed_tables(database, version)):
            raise differs(version, changed)
        return version
    finally:
        await database.close()
