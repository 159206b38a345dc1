"""The operator's pages of money: what differs, who is asked, and where an order's money is."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from billing.reconciliation import differences, runs
from billing.reconciliation.differences import FoundDifference
from kernel.clock import FixedClock
from tests.support.operator_pages import ADMIN, operator
from tests.support.selling_gateway import Store, open_store

pytestmark = pytest.mark.one_database


@pytest_asyncio.fixture
async def store(database_url: str, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Store]:
    async with open_store(database_url, tmp_path, clock) as opened:
        yield opened


async def test_a_difference_says_what_to_press_and_is_closed_with_a_reason(
    store: Store, clock: FixedClock
) -> None:
    order = await store.order()
    found = FoundDifference("credited_not_paid", order["id"], 2000, 0, "USD", "said")
    database = store.gateway.context.database
    await database.transaction(
        lambda tx: differences.note_found(
            tx, "staging", "provider:toypay", [found], now_us=clock.now_us()
        )
    )
    boss = await operator(store.gateway)
    page = (await boss.get(f"{ADMIN}/reconciliation")).text
    (one,) = await database.read(lambda tx: differences.page(tx, "staging", limit=9))
    path = f"{ADMIN}/reconciliation"
    own = (await boss.get(f"{path}/{one.id}")).text
    blank = await boss.send(f"{path}/{one.id}", {"reason": " "})
    closed = await boss.send(f"{path}/{one.id}", {"reason": "paid in cash"})
    again = await boss.send(f"{path}/{one.id}", {"reason": "paid in cash"})
    after = (await boss.get(f"{path}?state=closed")).text

    assert f'href="{ADMIN}/orders/{order["id"]}"' in page
    assert "An order is credited, and the provider knows no payment of it." in page
    assert "20.00 USD" in page
    assert f"Close the difference of {order['id']}, 20.00 USD in the ledger" in own
    assert (blank.status_code, closed.status_code, again.status_code) == (422, 303, 422)
    assert f"{path}/{one.id}" in after
    assert "paid in cash" in (await boss.get(f"{path}/{one.id}")).text
    assert "Nothing differs" in (await boss.get(path)).text


async def test_compare_now_makes_every_part_due(store: Store, clock: FixedClock) -> None:
    database = store.gateway.context.database

    async def begun(now_us: int) -> runs.PartRun | None:
        return await database.transaction(
            lambda tx: runs.begin(tx, "staging", "ledger", now_us=now_us)
        )

    run = await begun(clock.now_us())
    assert run is not None
    await database.transaction(lambda tx: runs.end(tx, run, checked=1, mark=None))
    assert await begun(clock.now_us()) is None
    boss = await operator(store.gateway)
    clock.advance_s(1)
    assert (await boss.send(f"{ADMIN}/reconciliation/parts", {})).status_code == 303
    assert await begun(clock.now_us()) is not None


async def test_the_operator_asks_about_an_order_and_sees_its_way(store: Store) -> None:
    order = await store.order()
    boss = await operator(store.gateway)
    path = f"{ADMIN}/orders/{order['id']}"
    before = (await boss.get(path)).text
    store.server.pay(await store.row(order["id"]))
    asked = await boss.send(f"{path}/ask", {})
    after = (await boss.get(path)).text

    assert "The provider hasn&#39;t reported anything yet." in before
    assert "Ask the provider now" in before
    assert asked.status_code == 303
    assert "The credit is in the account" in after
    assert "Ask the provider now" not in after


async def test_providers_are_asked_by_a_press_and_not_by_a_look(store: Store) -> None:
    boss = await operator(store.gateway)
    looked = (await boss.get(f"{ADMIN}/providers")).text
    asked = await boss.send(f"{ADMIN}/providers", {})

    assert "toypay" in looked
    assert "What they say" not in looked
    assert asked.status_code == 200
    assert "toypay can&#39;t report its settings" in asked.text
