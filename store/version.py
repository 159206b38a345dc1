"""Which schema this code runs on, and which one a database has. Imports no migrations."""

from store.database import Database, Transaction
from store.errors import CommitUnknown, ConnectionLost, Contention, StoreError

# The range of schema versions this code runs on, oldest first.
VERSIONS = ("0011",)


class SchemaOutOfRange(RuntimeError):
    """The database's schema is older or newer than this code accepts."""


async def schema_version(database: Database) -> str | None:
    """The version the database is at, or None when it was never migrated.

    Raises ConnectionLost where it cannot be asked.
    """

    async def work(tx: Transaction) -> str | None:
        row = await tx.fetch_one("SELECT version_num FROM alembic_version")
        return None if row is None else str(row["version_num"])

    try:
        return await database.read(work)
    except (Contention, ConnectionLost, CommitUnknown):
        raise
    except StoreError:
        return None


async def check_schema(database: Database) -> None:
    """Raises SchemaOutOfRange unless this code runs on the database's schema."""
    version = await schema_version(database)
    if version not in VERSIONS:
        found = version or "none"
        raise SchemaOutOfRange(
            f"the database's schema is {found}, this code runs on {VERSIONS[0]} to {VERSIONS[-1]}:"
            " run `topup migrate`"
        )
