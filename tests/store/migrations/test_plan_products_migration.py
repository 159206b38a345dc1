"""Plans' products become rows while processes of before, which know columns alone, go on."""

import asyncio
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from billing.catalog import plan as plans
from billing.catalog.plan import Plan
from billing.catalog.product_fields import ProductFields, ProductKey
from billing.providers.registry import discover
from store.database import Database, Transaction
from store.migrate import migrate
from store.open import file_of, open_database
from tests.conftest import SERVER_URL
from tests.support.postgres_server import create_database, drop_database
from tests.support.programs import NO_SERVER, missing

FIELDS = ProductFields.of(discover().values())
OLD = (
    "INSERT INTO plans (environment, id, name, description, price_monthly, price_yearly, currency,"
    " credits_included, features, stripe_price_id_monthly, stripe_price_id_yearly, creem_product_id,"
    " creem_product_id_yearly, is_active, position, created_at)"
    " VALUES ('live', :id, 'Pro', '', 2000, 20000, 'USD', 25000, '[]', :month, :year, :creem, NULL,"
    " 1, 1, 1)"
)
ROWS = "SELECT plan_id, provider, interval, ref FROM plan_products ORDER BY 1, 2, 3"
PRO = ("live", "pro")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def migrated(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A database of either kind with plans of the schema before, migrated, for each test to copy."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('products') / 'old.db'}"
        fill(url)
        yield url
        return
    if not SERVER_URL:
        missing(NO_SERVER)
    name = f"topup_products_{os.getpid()}"
    url = create_database(SERVER_URL, name)
    fill(url)
    yield url
    drop_database(SERVER_URL, name)


def fill(url: str) -> None:
    migrate(url, revision="0010")
    database = open_database(url)

    async def work() -> None:
        await old_process(database, OLD, id="pro", month="price_m", year="price_y", creem="prod_m")
        await old_process(database, OLD, id="bare", month=None, year=None, creem=None)
        await database.close()

    asyncio.run(work())
    migrate(url)


@pytest.fixture
def old(migrated: str, tmp_path: Path) -> Iterator[Database]:
    template = file_of(migrated)
    if template is not None:
        shutil.copy(template, tmp_path / "copy.db")
        yield open_database(f"sqlite:///{tmp_path / 'copy.db'}")
        return
    name = migrated.rpartition("/")[2]
    yield open_database(create_database(SERVER_URL, f"{name}_copy", template=name))
    drop_database(SERVER_URL, f"{name}_copy")


async def old_process(database: Database, statement: str, **values: object) -> None:
    """A statement of a process of before."""
    await database.transaction(lambda tx: tx.execute(statement, **values))


async def read(database: Database) -> dict[str, dict[ProductKey, str]]:
    listed = await database.read(lambda tx: plans.list_plans(tx, "live"))
    return {plan.id: dict(plan.products) for plan in listed}


async def rows(database: Database) -> list[tuple[object, ...]]:
    return [tuple(row) for row in await database.read(lambda tx: tx.fetch(ROWS))]


async def change(database: Database, **changes: object) -> Plan:
    async def work(tx: Transaction) -> Plan:
        return (await plans.change(tx, PRO, changes, FIELDS))[1]

    return await database.transaction(work)


async def test_the_columns_values_become_rows(old: Database) -> None:
    assert await rows(old) == [
        ("pro", "creem", "month", "prod_m"),
        ("pro", "stripe", "month", "price_m"),
        ("pro", "stripe", "year", "price_y"),
    ]
    assert await read(old) == {
        "bare": {},
        "pro": {
            ("stripe", "month"): "price_m",
            ("stripe", "year"): "price_y",
            ("creem", "month"): "prod_m",
        },
    }
    await old.close()


async def test_what_a_process_of_before_writes_afterwards_counts(old: Database) -> None:
    await old_process(
        old,
        "UPDATE plans SET stripe_price_id_monthly = 'price_new', creem_product_id = NULL,"
        " creem_product_id_yearly = 'prod_y' WHERE id = 'pro'",
    )
    await old_process(old, OLD, id="later", month="price_later", year=None, creem=None)

    found = await read(old)

    assert found["pro"] == {
        ("stripe", "month"): "price_new",
        ("stripe", "year"): "price_y",
        ("creem", "year"): "prod_y",
    }
    assert found["later"] == {("stripe", "month"): "price_later"}
    await old.close()


async def test_what_is_written_now_a_process_of_before_reads_too(old: Database) -> None:
    await change(
        old,
        products={
            ("stripe", "month"): None,
            ("stripe", "year"): "new_y",
            ("toy", "month"): "toy_m",
        },
    )

    columns = "stripe_price_id_monthly, stripe_price_id_yearly, creem_product_id"
    seen = await old.read(lambda tx: tx.fetch_one(f"SELECT {columns} FROM plans WHERE id = 'pro'"))
    assert seen is not None
    assert tuple(seen) == (None, "new_y", "prod_m")
    assert await rows(old) == [
        ("pro", "creem", "month", "prod_m"),
        ("pro", "stripe", "year", "new_y"),
        ("pro", "toy", "month", "toy_m"),
    ]
    await old.close()


async def test_a_change_of_something_else_keeps_what_a_process_of_before_wrote(
    old: Database,
) -> None:
    await old_process(old, "UPDATE plans SET creem_product_id = 'prod_new' WHERE id = 'pro'")

    changed = await change(old, name="Better")

    assert changed.name == "Better"
    assert ("pro", "creem", "month", "prod_new") in await rows(old)
    assert (await read(old))["pro"][("creem", "month")] == "prod_new"
    await old.close()
