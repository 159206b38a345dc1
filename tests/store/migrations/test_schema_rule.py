"""Which schema a process accepts: its own, a newer one that only adds, and no other; and a schema that
is not as its version says is noticed.
"""

import asyncio
import importlib.util
import logging
import sqlite3
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest

from kernel.clock import FixedClock, SystemClock
from kernel.version import running
from runtime.context import open_context
from runtime.settings import load_settings
from store.database import Store, Transaction
from store.errors import Fault
from store.fingerprint import TABLES
from store.migrate import MIGRATIONS, RevisionPassed, migrate
from store.open import open_database
from store.schema import metadata
from store.version import (
    BASELINE,
    BEFORE_BASELINE,
    VERSIONS,
    SchemaOutOfRange,
    changed_tables,
    check_schema,
    migrated_by,
    oldest_code,
    schema_version,
)
from tests.support.command_line import SECRET_KEY, Topup, topup as topup
from tests.support.funded_account import open_funded_account
from tests.support.next_release import NEXT, migrate_by_next_release


def migrated_so(url: str, *statements: str) -> None:
    """Runs statements on the database behind the back of everything."""

    async def run() -> None:
        database = open_database(url)
        try:
            for statement in statements:
                await database.transaction(partial(_execute, statement))
        finally:
            await database.close()

    asyncio.run(run())


async def _execute(statement: str, tx: Transaction) -> int:
    return await tx.execute(statement)


async def test_the_digests_are_those_of_what_the_migrations_make(database: Store) -> None:
    found = await database.shape()

    kept = TABLES[VERSIONS[-1]]
    wanted = {table: digest for table, digest in found.items() if table != "alembic_version"}
    assert kept == wanted, "copy these into store/fingerprint.py, under a new version's own key"
    assert set(kept) == set(metadata.tables)


def test_the_baseline_makes_what_the_migrations_before_it_made() -> None:
    """The digests of 0080 were recorded from those migrations, on both databases."""
    assert TABLES[BASELINE] == TABLES[BEFORE_BASELINE]


@pytest.mark.new_database
async def test_a_database_at_the_last_version_before_the_baseline_is_taken_over(
    database_url: str, database: Store, topup: Topup
) -> None:
    insert = "INSERT INTO accepted_losses (accepted_at, reason) VALUES (7, 'kept')"
    await database.transaction(lambda tx: tx.execute(insert))
    # What the migrations after the baseline added.
    for added in (
        "ALTER TABLE access_tokens DROP COLUMN scopes",
        "ALTER TABLE request_log DROP COLUMN agent",
        "ALTER TABLE api_keys DROP COLUMN last_used_by",
        "DROP TABLE portal_links",
        "DROP INDEX ux_endpoints_subscription",
        "DROP INDEX ix_endpoints_subscription_until",
        "ALTER TABLE endpoints DROP COLUMN subscription_id",
        "ALTER TABLE endpoints DROP COLUMN subscriber_id",
        "ALTER TABLE endpoints DROP COLUMN subscription_until_at",
        "ALTER TABLE endpoints DROP COLUMN subscription_cursor",
        "ALTER TABLE subscription_periods DROP COLUMN reversed_rolled_micros",
    ):
        await database.transaction(partial(_execute, added))
    await _stand_at(database, BEFORE_BASELINE)

    with pytest.raises(SchemaOutOfRange):
        await check_schema(database)
    await asyncio.to_thread(migrate, database_url)

    assert await check_schema(database) == VERSIONS[-1]
    reasons = await database.read(lambda tx: tx.fetch("SELECT reason FROM accepted_losses"))
    assert [row["reason"] for row in reasons] == ["kept"]
    assert await oldest_code(database, VERSIONS[-1]) == BASELINE


@pytest.mark.new_database
async def test_a_changed_database_before_the_baseline_is_not_taken_over(
    database_url: str, database: Store
) -> None:
    await database.transaction(lambda tx: tx.execute("ALTER TABLE packs ADD COLUMN colour text"))
    await _stand_at(database, BEFORE_BASELINE)

    with pytest.raises(SchemaOutOfRange, match="calls itself 0080") as refused:
        await asyncio.to_thread(migrate, database_url)

    assert refused.value.fault is Fault.SCHEMA_DIFFERS
    assert await schema_version(database) == BEFORE_BASELINE


@pytest.mark.parametrize("version", ["0001", "0079", "0081"])
@pytest.mark.new_database
async def test_an_older_database_is_told_which_build_migrates_it_first(
    database_url: str, database: Store, version: str
) -> None:
    await _stand_at(database, version)

    with pytest.raises(SchemaOutOfRange, match="of build d9df6d8c2900") as refused:
        await asyncio.to_thread(migrate, database_url)

    assert refused.value.fault is Fault.SCHEMA_OLD
    assert await schema_version(database) == version


async def _stand_at(database: Store, version: str) -> None:
    text = "UPDATE alembic_version SET version_num = :version"
    await database.transaction(lambda tx: tx.execute(text, version=version))


@pytest.mark.parametrize(
    "alteration",
    [
        "ALTER TABLE packs ADD COLUMN colour text",
        "ALTER TABLE packs DROP COLUMN created_at",
        "CREATE INDEX mine ON packs (created_at)",
        "DROP TABLE packs",
    ],
)
@pytest.mark.new_database
async def test_a_table_changed_by_hand_is_found(database: Store, alteration: str) -> None:
    assert await changed_tables(database, VERSIONS[-1]) == []

    await database.transaction(lambda tx: tx.execute(alteration))

    assert await changed_tables(database, VERSIONS[-1]) == ["packs"]


async def test_tables_of_others_do_not_count(database: Store) -> None:
    await database.transaction(lambda tx: tx.execute("CREATE TABLE spatial_things (id text)"))

    assert await changed_tables(database, VERSIONS[-1]) == []


@pytest.mark.new_database
def test_migrate_and_doctor_refuse_a_changed_schema_and_name_the_table(
    topup: Topup, database_url: str
) -> None:
    migrated_so(database_url, "ALTER TABLE packs ADD COLUMN colour text")

    for command in ("migrate", "doctor"):
        result = topup(command)

        assert result.exit_code == 44
        assert f"calls itself {VERSIONS[-1]}" in result.output
        assert "in packs:" in result.output


@pytest.mark.new_database
async def test_a_gateway_starts_on_a_changed_schema_and_says_so(
    database_url: str,
    database: Store,
    tmp_path: Path,
    clock: FixedClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await database.transaction(lambda tx: tx.execute("CREATE INDEX mine ON packs (created_at)"))
    settings = load_settings(database_url=database_url, data_dir=tmp_path, secret_key=SECRET_KEY)

    with caplog.at_level(logging.WARNING):
        async with open_context(settings, clock=clock, is_process=True):
            pass

    [line] = [one for one in caplog.records if one.msg == "database.schema_differs"]
    assert vars(line)["tables"] == ["packs"]


def test_migrating_to_an_older_revision_is_refused(topup: Topup, database_url: str) -> None:
    with pytest.raises(RevisionPassed):
        migrate(database_url, revision="0001")

    result = topup("migrate", "--revision", "0001")

    assert result.exit_code == 1
    assert f"is at {VERSIONS[-1]} already, and 0001 is older: nothing was done" in result.stderr


def test_migrating_to_the_revision_that_is_there_is_done_already(topup: Topup) -> None:
    assert topup("migrate", "--revision", VERSIONS[-1]).exit_code == 0


@pytest.mark.new_database
@pytest.mark.long
def test_this_code_goes_on_with_an_additive_schema_of_the_next_release(
    topup: Topup, database_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    """A gateway of this release that starts again after the next one's `topup migrate`; and commands."""
    migrate_by_next_release(database_url, tmp_path / "next", oldest_code=VERSIONS[-1])
    settings = load_settings(database_url=database_url, data_dir=tmp_path, secret_key=SECRET_KEY)

    async def send() -> tuple[str, int]:
        async with open_context(settings, clock=clock) as context:
            account = await open_funded_account(context.database, clock)
            sent = await account.send(1000)
            await account.engine.close()
            return await check_schema(context.database), sent.topup.amount_cents

    assert asyncio.run(send()) == (NEXT, 1000)

    again = topup("migrate")
    listed = topup("accounts", "list")
    examined = topup("doctor")

    assert again.exit_code == 0
    assert (
        f"a newer topup migrated the database. This one, which knows {VERSIONS[-1]}" in again.stderr
    )
    assert listed.exit_code == 0
    assert f"schema {NEXT}" in examined.stdout


@pytest.mark.new_database
@pytest.mark.long
def test_a_schema_that_this_code_does_not_run_on_is_refused(
    topup: Topup, database_url: str, tmp_path: Path
) -> None:
    migrate_by_next_release(database_url, tmp_path / "next", oldest_code=NEXT)

    for command in ("serve", "worker", "migrate", "doctor"):
        result = topup(command)

        assert result.exit_code == 43, command
        assert f"the database's schema is {NEXT}" in result.output
        assert "run `topup migrate`" not in result.output


@pytest.mark.parametrize(
    ("statements", "code", "sentence", "is_migrating_advised"),
    [
        (["UPDATE alembic_version SET version_num = '0001'"], 42, "schema is 0001", True),
        (["UPDATE alembic_version SET version_num = 'a1b2c3'"], 41, "another application's", False),
        (["DROP TABLE alembic_version"], 41, "no schema of topup", True),
    ],
)
@pytest.mark.new_database
def test_each_wrong_schema_is_told_apart(
    topup: Topup,
    database_url: str,
    statements: Sequence[str],
    code: int,
    sentence: str,
    is_migrating_advised: bool,
) -> None:
    migrated_so(database_url, *statements)

    for command in ("serve", "worker", "doctor"):
        result = topup(command, TOPUP_PORT="0")

        assert result.exit_code == code, command
        assert sentence in result.output
        assert ("run `topup migrate`" in result.output) is is_migrating_advised


def test_an_empty_database_is_told_apart(topup: Topup, tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "new.db").close()
    (tmp_path / "new.db").touch()

    result = topup("serve", TOPUP_DATABASE_URL=f"sqlite:///{tmp_path}/new.db", TOPUP_PORT="0")

    assert result.exit_code == 40
    assert "the database is empty" in result.stderr
    assert "run `topup migrate`" in result.stderr


@pytest.mark.new_database
def test_another_applications_alembic_is_left_alone(topup: Topup, database_url: str) -> None:
    migrated_so(database_url, "UPDATE alembic_version SET version_num = 'a1b2c3'")

    assert topup("migrate").exit_code == 41


@pytest.mark.one_database
async def test_the_version_that_migrate_reached_says_which_code_runs_on_it_and_which_made_it(
    database: Store,
) -> None:
    [row] = await database.read(lambda tx: tx.fetch("SELECT * FROM schema_notes"))

    assert (row["version"], row["oldest_code"]) == ("0105", "0100")
    assert row["code_version"] == running()
    assert 1_700_000_000_000_000 < row["reached_at"] <= SystemClock().now_us()
    assert await migrated_by(database, VERSIONS[-1]) == running()
    assert await migrated_by(database, "0012") is None
    assert await schema_version(database) == "0105"


def test_each_migration_says_which_code_runs_on_its_schema() -> None:
    """Of one that only adds it is code of before, and it never goes back."""
    files = sorted((MIGRATIONS / "versions").glob("[0-9]*.py"))
    told = {
        path.name: (module.revision, module.oldest_code)
        for path in files
        if (module := _loaded(path))
    }

    assert told
    for name, (revision, oldest) in told.items():
        assert oldest < revision if "_pre_" in name else oldest <= revision
    assert sorted(told.values()) == sorted(told.values(), key=lambda pair: pair[1])


def _loaded(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.one_database
async def test_a_refusal_carries_its_fault(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/new.db")

    with pytest.raises(SchemaOutOfRange) as refused:
        await check_schema(database)

    assert refused.value.fault is Fault.SCHEMA_MISSING
    await database.close()
