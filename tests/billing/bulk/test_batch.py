"""Of a bulk send each item is sent once or refused with its reason, whoever dies or comes twice."""

import asyncio
from typing import Any

import pytest

from billing.bulk import batch as batches, item as items
from billing.bulk.acceptance import AcceptItems, ItemSend, OpenBatch
from billing.bulk.batch import BatchCounts, SendBatch
from billing.bulk.runner import BatchRunner, Bulk, BulkLine
from billing.topups.fulfilment import StillOpen
from billing.topups.reverse import Reverse
from billing.topups.send import Send, SendRequest, prepare
from kernel.clock import FixedClock
from kernel.errors import DomainError
from store.database import Database
from tests.support.funded_account import FundedAccount, open_engine, open_funded_account

DAY_S = 86_400


def line(account: FundedAccount, reference: str, amount_cents: int = 1000, **more: Any) -> BulkLine:
    platforms = account.rules.platforms.of("staging")
    fields = {"platform": "claude", "recipient_email": "user@example.com", **more}
    try:
        request = prepare(
            platforms,
            account_id=account.account_id,
            amount_cents=amount_cents,
            reference=reference,
            **fields,
        )
    except DomainError as refusal:
        return BulkLine(refusal, reference)
    return BulkLine(request, reference)


def bulk(account: FundedAccount, lines: list[BulkLine], **more: Any) -> Bulk:
    principal = account.principal
    return Bulk(principal.tenant, principal.lineage, lines, **more)


def runner(account: FundedAccount) -> BatchRunner:
    return BatchRunner(account.database, account.clock, account.engine)


async def counts_of(account: FundedAccount, batch: SendBatch) -> BatchCounts:
    return (await account.database.read(lambda tx: items.count(tx, [batch.id])))[batch.id]


async def refusals(account: FundedAccount, batch: SendBatch) -> dict[int, str]:
    refused = await account.database.read(lambda tx: items.refused(tx, batch.id))
    return {one.number: one.refusal.kind for one in refused if one.refusal is not None}


async def test_each_item_is_delivered_or_refused_by_itself(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock, per_day_cents=5000)
    lines = [
        line(account, "a", 1000),
        line(account, "b", 99),  # below the platform's least
        line(account, "a", 1000),  # the reference of the first
        line(account, "c", 3000),
        line(account, "d", 2000),  # 6000 of the day's 5000
        line(account, "e", 1000),
    ]

    batch = await runner(account).accept(bulk(account, lines))

    assert await refusals(account, batch) == {
        1: "AmountOutOfRange",
        2: "DuplicateReference",
        4: "CapExceeded",
    }
    assert batch.status == "completed"
    assert batch.counts == BatchCounts(
        delivered=3, refused=3, accepted_cents=5000, delivered_cents=5000
    )
    assert (await account.balance())["balance_cents"] == 995_000
    assert await account.events() == [
        *("topup.delivered", "topup.delivered", "topup.delivered"),
        *("key.cap_near", "key.cap_reached"),
        "batch.completed",
    ]
    assert await account.findings() == []


async def test_of_all_or_nothing_one_wrong_item_leaves_nothing(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    lines = [line(account, "a"), line(account, "b", 99), line(account, "c")]

    refused = await runner(account).accept(bulk(account, lines, is_all_or_nothing=True))

    assert refused.status == "refused"
    assert refused.counts == BatchCounts(refused=1, dropped=2)
    assert (await account.balance())["balance_cents"] == 1_000_000
    # The mended lines may have the references of before.
    lines[1] = line(account, "b")
    mended = await runner(account).accept(bulk(account, lines, is_all_or_nothing=True))
    assert mended.counts == BatchCounts(delivered=3, accepted_cents=3000, delivered_cents=3000)
    assert await account.findings() == []


async def test_what_is_undone_frees_its_intents_and_no_other(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock, per_day_cents=4500)
    kept = await account.send(1000, intent="kept")
    wanted = [line(account, name, intent=f"gift-{name}") for name in "abc"]
    own = runner(account)
    batch, lines = own.opening(bulk(account, wanted, is_all_or_nothing=True), {})
    await account.engine.submit(OpenBatch(batch, lines))
    # Between the rehearsal and the acceptance another send of the key takes what the last one needs.
    await account.send(1000)

    ended = await own.run(batch)

    assert (ended.status, ended.counts) == ("refused", BatchCounts(refused=1, dropped=2))
    rows = await database.read(
        lambda tx: tx.fetch("SELECT intent, transaction_id FROM topup_intents")
    )
    assert [tuple(row) for row in rows] == [("kept", kept.topup.id)]
    # "gift-a" names whatever is sent with it next, be it for another recipient.
    sent = await account.send(1000, intent="gift-a", to="other@example.com")
    assert (sent.is_replay, sent.topup.status) == (False, "delivered")
    assert (await account.send(1000, intent="kept")).topup.id == kept.topup.id
    assert await account.findings() == []


async def test_what_was_reserved_is_undone_where_somebody_was_quicker(
    database: Database, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = await open_funded_account(database, clock, per_day_cents=3500)
    taking = bulk(account, [line(account, name) for name in "abc"], is_all_or_nothing=True)
    own = runner(account)
    batch, lines = own.opening(taking, {})
    await account.engine.submit(OpenBatch(batch, lines))
    # Between the rehearsal and the acceptance another send of the key takes what the last one needs.
    await account.send(1000)

    ended = await own.run(batch)

    assert ended.status == "refused"
    assert ended.counts == BatchCounts(refused=1, dropped=2)
    assert await refusals(account, batch) == {2: "CapExceeded"}
    assert (await account.balance())["balance_cents"] == 999_000
    # For a moment it had reserved 3,000 of the day's 3,500.
    assert await account.events() == ["topup.delivered", "key.cap_near", "batch.completed"]
    # The day's cap has its room again, and the references are free.
    assert (await account.send(1000, reference="a")).topup.status == "delivered"
    assert await account.findings() == []


@pytest.mark.one_database
@pytest.mark.parametrize("to", ["user@example.com", "approval@sandbox.test"])
async def test_what_is_reserved_is_settled_by_nobody_before_the_whole_is_accepted(
    database: Database, clock: FixedClock, to: str
) -> None:
    account = await open_funded_account(database, clock)
    tenant, lineage = account.principal.tenant, account.principal.lineage
    first = line(account, "a", recipient_email=to)
    taking = bulk(account, [first, line(account, "b")], is_all_or_nothing=True)
    batch, lines = runner(account).opening(taking, {})
    await account.engine.submit(OpenBatch(batch, lines))
    reserved = lines[0].transaction_id
    assert isinstance(first.request, SendRequest)
    send = Send(reserved, tenant, lineage, first.request)
    await account.engine.submit(AcceptItems(batch.id, tenant, [ItemSend(0, send)]))

    with pytest.raises(StillOpen):
        await account.settle(reserved, "delivered")
    waiting = await account.database.read(
        lambda tx: items.page(tx, batch.id, status="waiting", after=-1, limit=10)
    )
    # As each item says and as they are counted: what is reserved waits.
    assert [one.item.state for one in waiting] == ["reserved", "waiting"]
    counts = await counts_of(account, await runner(account).run(batch))
    assert (counts.delivered, counts.pending) == ((2, 0) if to == "user@example.com" else (1, 1))
    assert await account.findings() == []


@pytest.mark.one_database
@pytest.mark.parametrize("is_all_or_nothing", [False, True])
async def test_item_whose_time_came_while_nobody_went_on_is_sent_at_once(
    database: Database, clock: FixedClock, *, is_all_or_nothing: bool
) -> None:
    account = await open_funded_account(database, clock)
    soon = clock.now_us() + 10_000_000
    lines = [line(account, "a", send_at=soon), line(account, "b", send_at=clock.now_us())]
    taking = bulk(account, lines[: 2 - is_all_or_nothing], is_all_or_nothing=is_all_or_nothing)
    batch, rows = runner(account).opening(taking, {})
    await account.engine.submit(OpenBatch(batch, rows))
    clock.advance_s(40)  # its process is gone; a worker goes on

    ended = await runner(account).run(batch)

    assert (await counts_of(account, ended)).delivered == 1
    assert await refusals(account, batch) == ({} if is_all_or_nothing else {1: "InvalidInput"})
    assert await account.findings() == []


async def test_two_that_go_on_with_what_a_third_left_send_once(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    own = runner(account)
    taking = bulk(account, [line(account, f"r{number}", 100) for number in range(300)])
    batch, lines = own.opening(taking, {})
    await account.engine.submit(OpenBatch(batch, lines))
    other_engine = open_engine(database, clock, account.rules)
    other = BatchRunner(database, clock, other_engine)

    ended = await asyncio.gather(own.run(batch), other.run(batch))

    assert {one.status for one in ended} == {"completed"}
    assert (await account.balance())["balance_cents"] == 970_000
    assert (await account.events()).count("batch.completed") == 1
    assert (await account.events()).count("topup.delivered") == 300
    assert await account.findings() == []
    await other_engine.close()


async def test_the_same_key_finds_its_batch(database: Database, clock: FixedClock) -> None:
    account = await open_funded_account(database, clock)
    taking = bulk(account, [line(account, "a")], request_digest="d" * 32)

    first = await runner(account).accept(taking)
    second = await runner(account).accept(taking)

    assert first.id == second.id
    assert (await account.balance())["balance_cents"] == 999_000


async def test_a_cancelled_batch_gives_back_what_was_not_handed_over(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    later = clock.now_us() + DAY_S * 1_000_000
    lines = [
        line(account, "a"),
        line(account, "b", send_at=later),
        line(account, "c", platform="slow"),
        line(account, "d", platform="slow"),
    ]
    batch = await runner(account).accept(bulk(account, lines))
    listed = await database.read(
        lambda tx: items.page(tx, batch.id, status=None, after=-1, limit=10)
    )
    assert [one.topup_status for one in listed] == ["delivered", "scheduled", "pending", "pending"]
    handed = listed[3].item.transaction_id
    await account.hand_over(handed, 0)

    running = await runner(account).cancel(
        account.principal.tenant, batch.id, "key_x", own_key=None
    )

    assert running.status == "running"
    assert (await counts_of(account, batch)).cancelled == 2
    await account.settle(handed, "delivered")
    ended = await runner(account).run(running)
    assert ended.counts == BatchCounts(
        delivered=2, cancelled=2, accepted_cents=4000, delivered_cents=2000
    )
    assert (await account.balance())["balance_cents"] == 998_000
    assert await account.findings() == []


async def test_a_dry_run_counts_and_writes_nothing(database: Database, clock: FixedClock) -> None:
    account = await open_funded_account(database, clock, per_day_cents=2500)
    lines = [line(account, "a"), line(account, "b", 99), line(account, "c"), line(account, "d")]

    quote = await runner(account).rehearse(bulk(account, lines))

    assert {number: type(one).__name__ for number, one in quote.refused.items()} == {
        1: "AmountOutOfRange",
        3: "CapExceeded",
    }
    assert (quote.accepted_cents, quote.wallet_balance_after_cents) == (2000, 998_000)
    assert await account.events() == []
    assert (
        await database.read(
            lambda tx: batches.page(tx, account.principal.tenant, before_id=None, limit=9)
        )
        == []
    )


@pytest.mark.one_database
async def test_delivered_item_that_is_taken_back_counts_as_reversed(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    batch = await runner(account).accept(bulk(account, [line(account, "a"), line(account, "b")]))
    first, _ = await database.read(
        lambda tx: items.page(tx, batch.id, status=None, after=-1, limit=9)
    )

    await account.engine.submit(
        Reverse(first.item.transaction_id, account.principal.tenant, reason="wrong person")
    )

    assert await counts_of(account, batch) == BatchCounts(
        delivered=1, reversed=1, accepted_cents=2000, delivered_cents=1000
    )
