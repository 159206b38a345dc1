"""What operators change of suppliers: nothing of another one's is undone, and no top-up is done twice for it."""

import asyncio
from functools import partial
from typing import Any

import msgspec
import pytest

from billing.fulfilment.kinds import SupplierKinds
from billing.fulfilment.options import opened_options
from billing.fulfilment.protocol import sealed_fields
from billing.fulfilment.registry import discover
from billing.manual_review.supplier_acts import CREATE_SUPPLIER, DISABLE_SUPPLIER, SET_OPTIONS
from billing.topups.platform_rows import get_supplier
from kernel.errors import InvalidInput
from keys.vault import Vault
from store.database import Database, Transaction
from tests.support.operator_acts import act_in

OLD = "whsec_" + "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
NEW = "whsec_" + "OTg3NjU0MzIxMDk4NzY1NDMyMTA5ODc2NTQzMjEwOTg="
KINDS = discover()
# As act_in opens it.
MASTER = Vault([b"m" * 32])


async def _add(tx: Transaction, supplier: str, secret: str, environment: str = "live") -> None:
    given: dict[str, Any] = {
        "options": {"url": "https://topup.example.com"},
        "secrets": {"secret": secret},
    }
    await act_in(tx, CREATE_SUPPLIER, environment=environment, id=supplier, kind="http", **given)


async def _set(
    tx: Transaction, supplier: str, changes: dict[str, Any], *, despite_open_attempts: bool = False
) -> None:
    given: dict[str, Any] = {
        "options": {name: one for name, one in changes.items() if name != "secret"},
        "secrets": {name: one for name, one in changes.items() if name == "secret"},
        "despite_open_attempts": despite_open_attempts,
    }
    await act_in(tx, SET_OPTIONS, supplier, environment="live", now_us=2, **given)


async def _secret_of(tx: Transaction, supplier: str) -> str:
    row = await get_supplier(tx, "live", supplier)
    vault = await SupplierKinds(lambda: MASTER, list).vault(tx, 3)
    return str(opened_options(row, vault)["secret"])


@pytest.mark.one_database
async def test_two_suppliers_of_an_environment_never_sign_with_the_same_secret(
    database: Database,
) -> None:
    await database.transaction(lambda tx: _add(tx, "one", OLD))
    await database.transaction(lambda tx: _add(tx, "one", OLD, "staging"))
    # Base64 has more than one text for the same key.
    for secret in (OLD, OLD.replace("MDE=", "MDF=")):
        with pytest.raises(InvalidInput, match="one has the same secret"):
            await database.transaction(partial(_add, supplier="two", secret=secret))
    await database.transaction(lambda tx: _add(tx, "two", NEW))
    with pytest.raises(InvalidInput, match="one has the same secret") as refused:
        await database.transaction(lambda tx: _set(tx, "two", {"secret": OLD}))
    await database.transaction(lambda tx: _set(tx, "two", {"secret": NEW, "timeout_s": 3}))

    assert OLD[6:] not in str(refused.value)
    assert await database.transaction(lambda tx: _secret_of(tx, "two")) == NEW


@pytest.mark.one_database
async def test_a_supplier_with_open_attempts_goes_to_another_place_only_when_told_so(
    database: Database,
) -> None:
    await database.transaction(lambda tx: _add(tx, "own", OLD))
    await database.transaction(lambda tx: _set(tx, "own", {"url": "https://b.example.com"}))
    opened = ("txn_1", 1, "acc_1", "live", "a@example.com", "own", "http", "unknown", 1, 1, 1)
    names = (
        *("transaction_id", "number", "account_id", "environment", "recipient_email", "supplier"),
        *("kind", "outcome", "requests_made", "requested_at", "last_requested_at"),
    )
    await database.transaction(lambda tx: tx.insert("fulfilment_attempts", names, [opened]))
    elsewhere = {"url": "https://c.example.com"}

    with pytest.raises(InvalidInput, match="1 top-ups at own have no outcome yet") as refused:
        await database.transaction(lambda tx: _set(tx, "own", elsewhere))
    await database.transaction(lambda tx: _set(tx, "own", {"secret": NEW, "timeout_s": 3}))
    await database.transaction(lambda tx: _set(tx, "own", elsewhere, despite_open_attempts=True))

    async def logged(tx: Transaction) -> list[Any]:
        rows = await tx.fetch("SELECT after FROM audit_log ORDER BY id")
        return [msgspec.json.decode(row["after"]) for row in rows]

    assert refused.value.param == "despite_open_attempts"
    entries = await database.read(logged)
    assert [one.get("open_attempts") for one in entries] == [None, None, None, 1]
    assert entries[-1]["options"]["url"] == "https://c.example.com"


def test_what_says_where_a_supplier_is_asked_is_an_option_in_the_open() -> None:
    for kind in KINDS.values():
        assert set(kind.where) <= set(kind.options.__struct_fields__) - sealed_fields(kind.options)
    assert {name: kind.where for name, kind in KINDS.items() if kind.where} == {
        "http": ("url",),
        "litellm": ("base_url",),
        "new_api": ("base_url", "delivers"),
        "openrouter": ("base_url", "workspace_id"),
    }


# SQLite has one writer at a time.
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_supplier_that_is_switched_off_while_its_secret_is_rotated_has_the_new_one(
    database: Database,
) -> None:
    await database.transaction(lambda tx: _add(tx, "own", OLD))
    begun = asyncio.Event()

    async def switch_off(tx: Transaction) -> None:
        await get_supplier(tx, "live", "own")
        begun.set()
        await act_in(tx, DISABLE_SUPPLIER, "own", environment="live", now_us=2)

    async def rotate(tx: Transaction) -> "asyncio.Task[None]":
        await _set(tx, "own", {"secret": NEW})
        # The other one begins, and reads what is there, before this one has committed.
        second = asyncio.create_task(database.transaction(switch_off))
        await begun.wait()
        await asyncio.sleep(0.05)
        return second

    await (await database.transaction(rotate))

    found = await database.read(lambda tx: get_supplier(tx, "live", "own"))
    assert not found.is_active
    assert await database.transaction(lambda tx: _secret_of(tx, "own")) == NEW
