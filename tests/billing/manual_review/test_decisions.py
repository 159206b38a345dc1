"""An operator's decision takes effect once, is audited, and never while a supplier may still do it."""

import asyncio
from typing import Any

import pytest

from billing.fulfilment.protocol import NotDone, Refused, Unknown
from billing.manual_review import waiting
from billing.manual_review.decisions import (
    DeclareNotDone,
    FailByHand,
    GiveBackTask,
    RefuseTask,
    RetrySupplier,
    SettleByHand,
    SwitchSupplier,
    TakeTask,
)
from billing.manual_review.rules import NotNow, ReviewedTopUp
from billing.manual_review.supplier_acts import PAUSE_SUPPLIER, RESUME_SUPPLIER
from billing.manual_review.waiting import ReviewFilter, SupplierHealth, View, health_of
from billing.topups.topup import AlreadyDelivered, AlreadyEnded, Deliverable
from kernel.clock import FixedClock
from kernel.errors import InvalidInput
from store.database import Database
from tests.support.operator_acts import act_in
from tests.support.scripted_suppliers import AGAIN_S, CODE, Shop, Told
from worker.fulfilment_runner import Breakers

NOTE = Deliverable("note", "Account 4711 was credited by hand")


async def seen(shop: Shop, topup_id: str) -> ReviewedTopUp:
    database, now_us = shop.account.database, shop.account.clock.now_us()
    return await database.read(lambda tx: waiting.get_seen(tx, topup_id, now_us=now_us))


async def audited(database: Database) -> list[tuple[str, Any, Any]]:
    rows = await database.read(
        lambda tx: tx.fetch(
            """SELECT action, reason, after FROM audit_log
               WHERE action LIKE 'topup.%' OR action LIKE 'supplier.%' ORDER BY id"""
        )
    )
    assert all("GIFT-" not in str(row["after"]) for row in rows)
    assert all("4711" not in str(row["after"]) for row in rows)
    return [(row["action"], row["reason"], row["after"]) for row in rows]


async def test_a_task_is_one_persons_at_a_time_and_done_once(
    database: Database, clock: FixedClock
) -> None:
    shop = await Shop.open(database, clock, {"manual": Told()})
    topup_id = await shop.send()
    await shop.worker.step()

    both = await asyncio.gather(
        shop.act(TakeTask, topup_id, by="ann"),
        shop.act(TakeTask, topup_id, by="bob"),
        return_exceptions=True,
    )
    mine = ["ann", "bob"][[isinstance(one, NotNow) for one in both].index(False)]
    other = {"ann": "bob", "bob": "ann"}[mine]
    assert sum(isinstance(one, NotNow) for one in both) == 1
    for command, more in ((SettleByHand, {"given": NOTE}), (FailByHand, {"reason": "no"})):
        with pytest.raises(NotNow, match=f"{mine} has taken the task"):
            await shop.act(command, topup_id, by=other, **more)
    with pytest.raises(InvalidInput, match="Give a reason"):
        await shop.act(GiveBackTask, topup_id, by=other)
    await shop.act(GiveBackTask, topup_id, by=other, reason="away until Monday")
    await shop.act(TakeTask, topup_id, by=other)
    pressed = await asyncio.gather(
        *(shop.act(SettleByHand, topup_id, by=other, given=NOTE) for _ in range(3)),
        return_exceptions=True,
    )

    assert [type(one) for one in pressed].count(AlreadyDelivered) == 2
    topup = await shop.now(topup_id)
    assert (topup.status, topup.given and topup.given.kind) == ("delivered", "note")
    assert shop.account.rules.codes.issued(topup_id, topup.fulfilment_code) == NOTE.value
    assert await shop.turns(topup_id) == [("manual", "delivered", 1)]
    assert [action for action, _, _ in await audited(database)] == [
        "topup.take",
        "topup.give_back",
        "topup.take",
        "topup.settle",
    ]
    await shop.close()


async def test_a_refused_task_goes_to_the_next_supplier_and_a_failed_one_back_to_the_sender(
    database: Database, clock: FixedClock
) -> None:
    shop = await Shop.open(database, clock, {"manual": Told(), "other": Told()})
    refused, failed = await shop.send(), await shop.send(to="b@example.com")
    await shop.worker.step()

    await shop.act(RefuseTask, refused, reason="sold out")
    ended = await shop.act(FailByHand, failed, reason="no such user")
    await shop.worker.step()

    assert await shop.turns(refused) == [("manual", "refused", 1), ("other", "delivered", 1)]
    assert (ended.topup.status, ended.topup.failure_reason) == ("failed", "no such user")
    assert await shop.turns(failed) == [("manual", "dropped", 1)]
    with pytest.raises(AlreadyEnded):
        await shop.act(FailByHand, failed, reason="no such user")
    await shop.close()


async def test_switching_waits_until_somebody_says_that_it_was_not_done(
    database: Database, clock: FixedClock
) -> None:
    told = {"vendor": Told([Unknown("timeout")]), "other": Told()}
    shop = await Shop.open(database, clock, told, asked_again="person")
    topup_id = await shop.send()
    await shop.worker.step()
    assert (await seen(shop, topup_id)).state == "needs_review"

    for command, more in (
        (SwitchSupplier, {"to": "other", "reason": "quicker"}),
        (RetrySupplier, {"can_be_asked": False}),
        (TakeTask, {}),
    ):
        with pytest.raises(NotNow):
            await shop.act(command, topup_id, **more)
    with pytest.raises(InvalidInput, match="Give a reason"):
        await shop.act(DeclareNotDone, topup_id)
    await shop.act(DeclareNotDone, topup_id, reason="not in their list")
    with pytest.raises(NotNow):
        await shop.act(DeclareNotDone, topup_id, reason="not in their list")
    await shop.again()
    assert (await seen(shop, topup_id)).state == "held"
    assert len(told["vendor"].asked) == 1  # nobody is asked until somebody says who
    for to in ("vendor", "nobody"):
        with pytest.raises(InvalidInput, match="these other active suppliers: other"):
            await shop.act(SwitchSupplier, topup_id, to=to, reason="x")
    await shop.act(SwitchSupplier, topup_id, to="other", reason="vendor is down")
    await shop.worker.step()

    assert (await shop.now(topup_id)).status == "delivered"
    assert await shop.turns(topup_id) == [("vendor", "dropped", 1), ("other", "delivered", 1)]
    entries = await audited(database)
    assert [(action, reason) for action, reason, _ in entries] == [
        ("topup.not_done", "not in their list"),
        ("topup.switch", "vendor is down"),
    ]
    assert '"by": "ann"' in str(entries[1][2]).replace('"by":"ann"', '"by": "ann"')
    await shop.close()


@pytest.mark.one_database
async def test_a_switch_back_to_who_said_no_asks_them_again_and_a_task_begins_anew(
    database: Database, clock: FixedClock
) -> None:
    told = {"stock": Told([Refused("sold out")]), "manual": Told()}
    shop = await Shop.open(database, clock, told)
    topup_id = await shop.send()
    await shop.worker.step()
    assert (await seen(shop, topup_id)).state == "task"

    told["stock"].outcomes = [Refused("sold out")]
    await shop.act(SwitchSupplier, topup_id, to="stock", reason="filled up")
    assert (await seen(shop, topup_id)).state == "queued"
    await shop.act(SwitchSupplier, topup_id, to="manual", reason="no, by hand after all")
    await shop.worker.step()
    task = (await seen(shop, topup_id)).open_task
    assert task is not None
    assert (task.outcome, task.taken_by) == (None, None)
    await shop.act(SwitchSupplier, topup_id, to="stock", reason="it is there now")
    told["stock"].outcomes = []
    await shop.worker.step()

    assert (await shop.now(topup_id)).status == "delivered"
    assert [turn[:2] for turn in await shop.turns(topup_id)] == [
        ("stock", "refused"),
        ("manual", "refused"),
        ("manual", "refused"),
        ("stock", "delivered"),
    ]
    await shop.close()


@pytest.mark.one_database
async def test_a_retry_asks_now_and_looks_first(database: Database, clock: FixedClock) -> None:
    told = Told([Unknown("HTTP 502")], [NotDone()])
    shop = await Shop.open(database, clock, {"vendor": told}, asked_again="look")
    topup_id = await shop.send()
    await shop.worker.step()

    await shop.worker.step()
    assert (told.looked, len(told.asked)) == (0, 1)  # not due for 75 s
    await shop.act(RetrySupplier, topup_id)
    await shop.act(RetrySupplier, topup_id)
    await shop.worker.step()

    assert (told.looked, len(told.asked)) == (1, 2)
    assert (await shop.now(topup_id)).status == "delivered"
    await shop.close()


@pytest.mark.one_database
async def test_nothing_is_decided_while_a_supplier_is_being_asked(
    database: Database, clock: FixedClock
) -> None:
    shop = await Shop.open(database, clock, {"vendor": Told([None])})
    topup_id = await shop.send()
    await shop.killed_while_asking()

    for command, more in (
        (FailByHand, {"reason": "x", "is_checked": True}),
        (SettleByHand, {"reason": "x", "given": CODE, "is_checked": True}),
        (DeclareNotDone, {"reason": "x"}),
        (RetrySupplier, {}),
    ):
        with pytest.raises(NotNow, match="vendor is being called now"):
            await shop.act(command, topup_id, **more)
    clock.advance_s(AGAIN_S)
    ended = await shop.act(FailByHand, topup_id, reason="not there", is_checked=True)

    assert ended.topup.status == "failed"
    assert ended.wallet_balance_cents == 1_000_000
    await shop.close()


@pytest.mark.one_database
async def test_a_paused_supplier_is_asked_once_it_is_resumed(
    database: Database, clock: FixedClock
) -> None:
    told = Told([Unknown("timeout")])
    breakers = Breakers(failures_max=1)
    shop = await Shop.open(database, clock, {"vendor": told}, breakers=breakers)
    now_us = clock.now_us()
    silent = await shop.send()
    await shop.worker.step()

    await database.transaction(
        lambda tx: act_in(tx, PAUSE_SUPPLIER, "vendor", reason="they asked us to", now_us=now_us)
    )
    with pytest.raises(NotNow):
        await database.transaction(
            lambda tx: act_in(tx, PAUSE_SUPPLIER, "vendor", reason="again", now_us=now_us)
        )
    await shop.suppliers.refresh()
    late = await shop.send(to="later@example.com")
    await shop.again()
    assert len(told.asked) == 1  # paused, and left alone
    await database.transaction(
        lambda tx: act_in(tx, RESUME_SUPPLIER, "vendor", reason="they are back", now_us=now_us)
    )
    await shop.suppliers.refresh()
    await shop.again()

    assert [(await shop.now(one)).status for one in (silent, late)] == ["delivered"] * 2
    assert [(action, reason) for action, reason, _ in await audited(database)] == [
        ("supplier.pause", "they asked us to"),
        ("supplier.resume", "they are back"),
    ]
    with pytest.raises(NotNow):
        await database.transaction(
            lambda tx: act_in(tx, RESUME_SUPPLIER, "vendor", reason="again", now_us=now_us)
        )
    await shop.close()


async def test_the_list_the_count_and_the_health_tell_what_waits(
    database: Database, clock: FixedClock
) -> None:
    told = {"vendor": Told([Unknown("HTTP 500"), Refused("no such user")])}
    shop = await Shop.open(database, clock, {**told, "manual": Told()})
    unknown = await shop.send(to="a@example.com")
    await shop.worker.step()
    task = await shop.send(to="b@example.com")
    await shop.worker.step()
    delivered = await shop.send(to="c@example.com")
    await shop.worker.step()

    async def listed(view: View, **more: Any) -> list[str]:
        wanted = ReviewFilter("staging", view, **more)
        now_us = clock.now_us()
        found = await database.read(lambda tx: waiting.page(tx, wanted, limit=10, now_us=now_us))
        return [one.topup.id for one in found]

    async def counted() -> int:
        now_us = clock.now_us()
        return await database.read(lambda tx: waiting.count_waiting(tx, "staging", now_us=now_us))

    assert await listed("pending") == [unknown, task]
    assert await listed("person") == [task]
    assert await listed("unknown") == [unknown]
    assert await listed("overdue") == []
    assert await listed("pending", supplier="manual") == [task]
    assert await listed("pending", platform="other") == []
    assert await counted() == 1
    told_health = await database.read(
        lambda tx: health_of(tx, "staging", ["vendor"], now_us=clock.now_us())
    )
    assert told_health["vendor"] == SupplierHealth(
        {"unknown": 1, "refused": 1, "delivered": 1}, p95_s=0.0, waits_s=0.0
    )
    assert told_health["vendor"].shape()["delivered_percent"] == 33.3
    sentences = [SupplierHealth({}).sentence(kind) for kind in ("http", "wallet")]
    assert sentences == ["no attempts", "delivers with the send"]
    await shop.act(FailByHand, task, reason="no")
    assert await listed("failed") == [task]
    clock.advance_s(86_400)
    assert await listed("overdue") == [unknown]
    assert await counted() == 1
    gauges = await database.read(lambda tx: waiting.gauges(tx, now_us=clock.now_us()))
    assert gauges["staging", "pending"] == 1
    assert gauges["staging", "overdue"] == 1
    assert gauges["live", "pending"] == 0
    assert (await shop.now(delivered)).status == "delivered"
    await shop.close()
