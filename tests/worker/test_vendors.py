"""Keys of a vendor from send to deliverable, through rows, sealed options and the worker."""

from dataclasses import replace
from typing import Any

import pytest

from billing.fulfilment.options import with_options
from billing.fulfilment.registry import discover
from billing.topups.platform_rows import SupplierRow, put_supplier
from kernel.clock import FixedClock
from store.database import Database
from tests.support.funded_account import open_engine, open_funded_account
from tests.support.scripted_suppliers import Shop
from tests.support.suppliers import VAULT, open_suppliers
from tests.support.vendor_service import LiteLlmService, OpenRouterService
from worker.fulfilment_runner import Breakers

pytestmark = pytest.mark.one_database


async def open_shop(
    database: Database, clock: FixedClock, kind: str, options: dict[str, Any]
) -> Shop:
    account = await open_funded_account(database, clock)
    registrations = {kind: discover()[kind]}
    suppliers = await open_suppliers(account, registrations, {"gpt": [kind]})
    row = SupplierRow(environment="staging", id=kind, kind=kind, created_at=0, changed_at=0)
    set_up = with_options(row, registrations[kind], options, VAULT)
    await database.transaction(lambda tx: put_supplier(tx, set_up, is_new=False))
    await suppliers.refresh()
    rules = replace(account.rules, platforms=suppliers.book)
    at = replace(account, engine=open_engine(database, clock, rules))
    return Shop(at, {}, suppliers, Breakers())


@pytest.mark.parametrize(
    ("kind", "vendor", "secret"),
    [
        ("openrouter", OpenRouterService, "management_key"),
        ("litellm", LiteLlmService, "admin_key"),
    ],
)
async def test_a_recipient_gets_one_key_and_later_top_ups_raise_it(
    database: Database,
    clock: FixedClock,
    kind: str,
    vendor: type[OpenRouterService] | type[LiteLlmService],
    secret: str,
) -> None:
    with vendor() as service:
        options = {"base_url": service.url, secret: "sk-of-the-operator"}
        shop = await open_shop(database, clock, kind, options)
        first, second = await shop.send(), await shop.send()
        service.faults.append("late")  # the key is made, and the answer is lost

        await shop.worker.step()
        assert len(service.keys) == 1
        for _ in range(3):  # the second one waits for the first one's last word
            await shop.again()

        [key_id] = service.keys
        value_usd = service.value_of(key_id)
    given = [await shop.now(one) for one in (first, second)]
    assert [one.status for one in given] == ["delivered", "delivered"]
    assert value_usd == 20.0
    # Which of the two is asked for first nobody promises.
    by_kind = {one.deliverable.kind: one for one in given if one.deliverable is not None}
    assert sorted(by_kind) == ["credit", "key"]
    code = shop.account.rules.codes.issued(by_kind["key"].id, by_kind["key"].fulfilment_code)
    assert code.startswith("sk-")
    written = await database.read(
        lambda tx: tx.fetch("SELECT prepared, left_over, detail FROM fulfilment_attempts")
    )
    assert code not in str([tuple(row) for row in written])
    await shop.close()
