"""What a process left of a batch goes on, and the end of a batch is told once."""

import asyncio

import pytest

from billing.bulk.acceptance import AcceptItems, ItemSend, OpenBatch
from billing.bulk.batch import SendBatch
from billing.bulk.runner import BatchRunner, Bulk, BulkLine
from billing.topups.send import Send, SendRequest, prepare
from kernel.clock import FixedClock
from store.database import Database
from tests.support.funded_account import FundedAccount, open_engine, open_funded_account
from worker.topups import Batcher

ITEMS = 40
PRICE = 100


def bulk_of(account: FundedAccount, *, is_all_or_nothing: bool) -> Bulk:
    platforms = account.rules.platforms.of("staging")
    requests = [
        prepare(
            platforms,
            account_id=account.account_id,
            platform="claude",
            amount_cents=PRICE,
            recipient_email="user@example.com",
            reference=f"r{number}",
        )
        for number in range(ITEMS)
    ]
    lines = [BulkLine(one, one.reference) for one in requests]
    principal = account.principal
    return Bulk(principal.tenant, principal.lineage, lines, is_all_or_nothing)


async def left_half_done(account: FundedAccount, bulk: Bulk) -> SendBatch:
    """A batch whose process died after half of its items."""
    runner = BatchRunner(account.database, account.clock, account.engine)
    batch, lines = runner.opening(bulk, {})
    await account.engine.submit(OpenBatch(batch, lines))
    sends = []
    for item, line in list(zip(lines, bulk.lines, strict=True))[: ITEMS // 2]:
        assert isinstance(line.request, SendRequest)
        send = Send(item.transaction_id, bulk.tenant, bulk.lineage, line.request)
        sends.append(ItemSend(item.number, send))
    await account.engine.submit(AcceptItems(batch.id, bulk.tenant, sends))
    return batch


@pytest.mark.parametrize("is_all_or_nothing", [False, True])
async def test_a_batch_that_was_left_half_done_is_accepted_whole(
    database: Database, clock: FixedClock, is_all_or_nothing: bool
) -> None:
    account = await open_funded_account(database, clock)
    await left_half_done(account, bulk_of(account, is_all_or_nothing=is_all_or_nothing))
    engine = open_engine(database, clock, account.rules)
    workers = [Batcher(database, clock, each) for each in (account.engine, engine)]
    assert await workers[0].sweep() == 0  # its own process may still be at it
    clock.advance_s(31)

    await asyncio.gather(*(worker.sweep() for worker in workers))

    events = await account.events()
    assert events.count("topup.delivered") == ITEMS
    assert events.count("batch.completed") == 1
    assert (await account.balance())["balance_cents"] == 1_000_000 - ITEMS * PRICE
    assert await account.findings() == []
    assert await workers[0].sweep() == 0
    await engine.close()


@pytest.mark.one_database
async def test_the_end_is_told_once_when_the_last_top_up_has_ended(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    platforms = account.rules.platforms.of("staging")
    request = prepare(
        platforms,
        account_id=account.account_id,
        platform="slow",
        amount_cents=PRICE,
        recipient_email="user@example.com",
        reference="a",
    )
    principal = account.principal
    runner = BatchRunner(database, clock, account.engine)
    worker = Batcher(database, clock, account.engine)
    batch = await runner.accept(Bulk(principal.tenant, principal.lineage, [BulkLine(request, "a")]))
    for _ in range(3):
        clock.advance_s(30)
        assert await worker.sweep() == 1
    assert "batch.completed" not in await account.events()
    (topup_id,) = await database.read(
        lambda tx: tx.fetch("SELECT id FROM topups")  # the only one
    )
    await account.settle(topup_id["id"], "delivered")

    clock.advance_s(30)
    await worker.sweep()
    clock.advance_s(30)
    await worker.sweep()

    assert (await account.events()).count("batch.completed") == 1
    assert batch.status == "running"
