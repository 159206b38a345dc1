"""`topup migrate`: brings the database to the newest schema."""

import click
from sqlalchemy.exc import SQLAlchemyError

from cli.output import EXIT_UNREACHABLE, fail, json_option, run, show_record
from runtime.installation import open_store
from runtime.settings import Settings, load_settings
from store.errors import StoreError
from store.migrate import migrate as migrate_database
from store.version import schema_version


@click.command()
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
    except (SQLAlchemyError, StoreError, OSError) as error:
        # The driver's message holds statements and addresses; its class says enough.
        cause = getattr(error, "orig", None) or error
        raise fail(
            f"the database cannot be migrated: {type(cause).__name__}",
            advice="check TOPUP_DATABASE_URL, and that its user may create tables",
            exit_code=EXIT_UNREACHABLE,
        ) from None


async def _version(settings: Settings) -> str | None:
    async with open_store(settings) as database:
        return await schema_version(database)
