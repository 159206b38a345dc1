"""What operators change of suppliers at the same time is all there afterwards."""

import asyncio

import pytest

from billing.fulfilment.commands import add_supplier, change_supplier
from billing.fulfilment.options import opened_options
from billing.fulfilment.registry import discover
from billing.topups.platform_rows import SupplierRow, get_supplier
from keys.audit_log import Actor
from store.database import Database, Transaction
from tests.support.suppliers import VAULT

OLD = "whsec_" + "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
NEW = "whsec_" + "OTg3NjU0MzIxMDk4NzY1NDMyMTA5ODc2NTQzMjEwOTg="


# SQLite has one writer at a time.
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_supplier_that_is_switched_off_while_its_secret_is_rotated_has_the_new_one(
    database: Database,
) -> None:
    kinds = discover()
    row = SupplierRow(environment="live", id="own", kind="http", created_at=1, changed_at=1)
    given = {"url": "https://topup.example.com", "secret": OLD}
    await database.transaction(
        lambda tx: add_supplier(tx, row, given, kinds, VAULT, by=Actor(), now_us=1)
    )

    begun = asyncio.Event()

    async def switch_off(tx: Transaction) -> None:
        await get_supplier(tx, "live", "own")
        begun.set()
        await change_supplier(
            tx, "live", "own", {}, kinds, VAULT, is_active=False, by=Actor(), now_us=2
        )

    async def rotate(tx: Transaction) -> "asyncio.Task[None]":
        await change_supplier(
            tx, "live", "own", {"secret": NEW}, kinds, VAULT, by=Actor(), now_us=2
        )
        # The other one begins, and reads what is there, before this one has committed.
        second = asyncio.create_task(database.transaction(switch_off))
        await begun.wait()
        await asyncio.sleep(0.05)
        return second

    await (await database.transaction(rotate))

    found = await database.read(lambda tx: get_supplier(tx, "live", "own"))
    assert (opened_options(found, VAULT)["secret"], found.is_active) == (NEW, False)
