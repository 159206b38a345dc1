"""Check that this code can use a database's schema. This module imports no migrations.

A migration that only adds (`pre`) names the oldest release that can use the new schema. `topup migrate` records
this release in schema_notes, so that the previous release can still start. A migration that removes (`post`)
follows in a later release.
"""

import re
from typing import Final

from store.database import Database, Store, Transaction
from store.errors import Fault, StoreError
from store.fingerprint import TABLES

VERSIONS = ("0105",)
# `topup migrate` accepts a database at the last version before the baseline. First migrate an older database with the
# last build that has the old migrations.
BASELINE: Final = "0100"
BEFORE_BASELINE: Final = "0080"
BUILD_BEFORE_BASELINE: Final = "d9df6d8c2900"
_OURS = re.compile(r"\d{4}").fullmatch
_FIRST_TABLE: Final = "ledger_accounts"
_CHECK: Final = "check that TOPUP_DATABASE_URL and TOPUP_DATA_DIR name the right one"


class SchemaOutOfRange(RuntimeError):
    """This code can't use the database's schema. The message says what to do."""

    def __init__(self, fault: Fault, message: str) -> None:
        super().__init__(message)
        self.fault = fault


async def schema_version(database: Database) -> str | None:
    """Return the schema's version, or None if the database was never migrated."""

    async def work(tx: Transaction) -> str | None:
        row = await tx.fetch_one("SELECT version_num FROM alembic_version")
        return None if row is None else str(row["version_num"])

    try:
        return await database.read(work)
    except StoreError as error:
        if is_table_missing(error):
            return None
        raise


async def check_schema(database: Store) -> str:
    """Return the schema's version. Raise SchemaOutOfRange if this code can't use that version."""
    version = await schema_version(database)
    if version is None:
        raise _without_version(await database.shape())
    if version in VERSIONS:
        return version
    if not _OURS(version) or _FIRST_TABLE not in await database.shape():
        raise SchemaOutOfRange(
            Fault.NOT_OURS,
            f"the database is another application's (its alembic_version is {version[:40]!r}): {_CHECK}",
        )
    if version < BEFORE_BASELINE:
        raise before_baseline(version)
    if version < VERSIONS[0]:
        raise SchemaOutOfRange(
            Fault.SCHEMA_OLD,
            f"the database's schema is {version}, this code runs on {_range()}: run `topup migrate`",
        )
    if (oldest := await oldest_code(database, version)) is None or oldest > VERSIONS[-1]:
        raise SchemaOutOfRange(
            Fault.SCHEMA_NEW,
            f"the database's schema is {version}, this code runs on {_range()}: a newer topup has"
            " migrated it. Start that one; a migration is never taken back, but by a restored copy",
        )
    return version


async def oldest_code(database: Database, version: str) -> str | None:
    """Return the schema version of the oldest release that can use this version, or None if it isn't recorded."""

    async def work(tx: Transaction) -> str | None:
        text = "SELECT oldest_code FROM schema_notes WHERE version = :version"
        row = await tx.fetch_one(text, version=version)
        return None if row is None else str(row["oldest_code"])

    try:
        return await database.read(work)
    except StoreError as error:
        if is_table_missing(error):
            return None
        raise


async def migrated_by(database: Database, version: str) -> str | None:

    async def work(tx: Transaction) -> str | None:
        text = "SELECT code_version FROM schema_notes WHERE version = :version"
        row = await tx.fetch_one(text, version=version)
        return None if row is None else row["code_version"]

    try:
        return await database.read(work)
    except StoreError:
        return None


async def changed_tables(database: Store, version: str) -> list[str]:
    """Return the tables that differ from this version's migrations, or none if the version is unknown."""
    expected = TABLES.get(version, {})
    found = await database.shape()
    return sorted(table for table, digest in expected.items() if found.get(table) != digest)


def differs(version: str, changed: list[str]) -> SchemaOutOfRange:
    return SchemaOutOfRange(
        Fault.SCHEMA_DIFFERS,
        f"the schema calls itself {version} and is not as this topup's migrations make it, in"
        f" {', '.join(changed)}: somebody changed it, or another build migrated it. Compare it with"
        " a new, migrated database and mend these tables, or restore a copy",
    )


def before_baseline(version: str) -> SchemaOutOfRange:
    """Return the error for a schema whose migrations this build no longer has."""
    return SchemaOutOfRange(
        Fault.SCHEMA_OLD,
        f"the database's schema is {version}, and this build has no migration from it: run `topup migrate` of"
        f" build {BUILD_BEFORE_BASELINE}, which brings it to {BEFORE_BASELINE}, and then this build's",
    )


def is_table_missing(error: StoreError) -> bool:
    is_sqlite = error.code == "SQLITE_ERROR" and error.constraint.startswith("no such table")
    return is_sqlite or error.code == "42P01"


def _without_version(tables: dict[str, str]) -> SchemaOutOfRange:
    if tables:
        return SchemaOutOfRange(
            Fault.NOT_OURS,
            f"the database holds {len(tables)} tables and no schema of topup: {_CHECK}; only where"
            " they are to live beside each other run `topup migrate`",
        )
    return SchemaOutOfRange(
        Fault.SCHEMA_MISSING,
        f"the database is empty, this code runs on schema {_range()}: run `topup migrate`",
    )


def _range() -> str:
    return VERSIONS[0] if len(VERSIONS) == 1 else f"{VERSIONS[0]} to {VERSIONS[-1]}"
