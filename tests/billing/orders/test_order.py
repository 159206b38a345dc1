"""The order's states, the operator's decisions and lists, and reading orders."""

import asyncio
import functools
from collections.abc import Sequence
from typing import Any

import pytest

from billing.ledger.price import Price
from billing.orders import records as order_list
from billing.orders.order import (
    MOVES,
    SETTLED,
    STATUSES,
    Order,
    OrderDecided,
    OrderStatus,
    move,
    next_check_at,
)
from billing.orders.records import OrderFilter
from billing.providers import event_log as provider_event
from billing.providers.event_log import LogEntry, NotificationOutcome, NotificationRef
from kernel.clock import HOUR_US, MINUTE_US, FixedClock
from kernel.errors import NotFound
from kernel.tenant import Tenant
from store.database import Database, Transaction
from store.erase import erase_account
from tests.billing.orders.test_reversal import sold
from tests.support.buyer import Buyer, open_buyer, open_live_counter


@pytest.fixture
async def buyer(database: Database, clock: FixedClock) -> Buyer:
    return await open_live_counter(database, clock)


def test_every_state_has_its_moves() -> None:
    assert set(MOVES) == set(STATUSES)
    assert {status for status in STATUSES if "paid" in MOVES[status]} == set(STATUSES) - {"paid"}
    # Nothing leads back to waiting, and only an unpaid order ends unpaid.
    assert {status for status in STATUSES if "pending" in MOVES[status]} == set()
    assert {status for status in STATUSES if "expired" in MOVES[status]} == {"pending"}
    assert {status for status in STATUSES if "failed" in MOVES[status]} == {"pending", "review"}
    assert all(MOVES[status] == SETTLED - {status} for status in SETTLED)


@pytest.mark.parametrize("status", sorted(SETTLED - {"paid"}))
def test_a_move_that_is_not_listed_is_refused(status: Any) -> None:
    order = sold(1_000, 100)

    assert move(order, status).status == status
    impossibles: list[OrderStatus] = ["paid", "pending", "failed", "expired", "review"]
    for impossible in impossibles:
        with pytest.raises(OrderDecided, match="The order is paid"):
            move(order, impossible)


@pytest.mark.parametrize(
    ("made", "wait"), [(0, MINUTE_US), (14, MINUTE_US), (15, HOUR_US), (900, HOUR_US)]
)
def test_when_a_provider_is_asked(made: int, wait: int) -> None:
    assert next_check_at(made, 5) == 5 + wait


# An operator's decisions


async def reviewed(buyer: Buyer, payment: str = "pi_1", **fields: Any) -> Order:
    order = await buyer.order(**fields)
    return (await buyer.pay(order, payment, price=Price(1999, "USD"))).order


async def test_approving_credits_the_order(buyer: Buyer) -> None:
    order = await reviewed(buyer)

    resolved = await buyer.resolve(order, "approve")

    assert resolved.order.status == "paid"
    assert resolved.order.reason == (
        "approved by ana: 19.99 USD was paid, not 20.00 USD; 20.00 USD counts as paid"
    )
    assert await buyer.micros() == {"provider": 25_000_000, "wallet": 25_000_000}
    assert await buyer.account.events() == ["order.paid"]
    # The payment that was reviewed comes again: it is the same.
    again = await buyer.pay(order, "pi_1", price=Price(1999, "USD"))
    assert again.outcome == "repeated"
    assert await buyer.account.findings() == []


async def test_rejecting_ends_it_without_credit(buyer: Buyer) -> None:
    order = await reviewed(buyer)

    resolved = await buyer.resolve(order, "reject")

    assert resolved.order.status == "failed"
    assert resolved.order.reason == "rejected by ana: 19.99 USD was paid, not 20.00 USD"
    assert await buyer.micros() == {}
    assert await buyer.account.events() == ["order.failed"]
    again = await buyer.pay(order, "pi_1", price=Price(1999, "USD"))
    assert (again.outcome, again.order.status) == ("repeated", "failed")


async def test_a_rejected_order_may_still_be_paid_properly(buyer: Buyer) -> None:
    order = await reviewed(buyer)
    await buyer.resolve(order, "reject")

    settled = await buyer.pay(order, "pi_2")

    assert (settled.outcome, settled.order.status) == ("applied", "paid")
    assert await buyer.micros() == {"provider": 25_000_000, "wallet": 25_000_000}


async def test_a_decision_is_taken_once(buyer: Buyer) -> None:
    order = await reviewed(buyer)

    both = await asyncio.gather(
        buyer.resolve(order, "approve"),
        buyer.resolve(order, "approve"),
        buyer.resolve(order, "reject"),
        return_exceptions=True,
    )

    assert [isinstance(one, OrderDecided) for one in both] == [False, True, True]
    assert await buyer.micros() == {"provider": 25_000_000, "wallet": 25_000_000}


@pytest.mark.parametrize("verdict", ["approve", "reject"])
async def test_an_order_that_waits_for_nobody_is_not_decided(buyer: Buyer, verdict: Any) -> None:
    order = await buyer.order()

    with pytest.raises(OrderDecided, match="The order is pending"):
        await buyer.resolve(order, verdict)
    await buyer.pay(order)
    with pytest.raises(OrderDecided, match="The order is paid"):
        await buyer.resolve(order, verdict)


async def test_who_decided_is_in_the_log(buyer: Buyer) -> None:
    order = await reviewed(buyer)
    await buyer.resolve(order, "reject")

    notification, decided = await buyer.log(order)

    assert (notification.outcome, notification.resolved_at is not None) == ("review", True)
    assert (decided.notification.type, decided.outcome) == ("operator.rejected", "applied")
    assert decided.detail == "rejected by ana: 19.99 USD was paid, not 20.00 USD"


async def test_a_refund_that_came_before_the_approval_is_taken_at_once(buyer: Buyer) -> None:
    order = await reviewed(buyer)
    await buyer.refund(order, 1000)

    resolved = await buyer.resolve(order, "approve")

    # 1000 of the 1999 that were paid: 12,506,253.1 of 25,000,000 go, rounded up.
    assert resolved.order.status == "partially_refunded"
    assert await buyer.micros() == {"provider": 12_493_746, "wallet": 12_493_746}


# The operator's lists


async def uncredited(buyer: Buyer) -> list[str]:
    async def work(tx: Transaction) -> Sequence[Order]:
        return await order_list.paid_uncredited(tx, buyer.tenant.environment, limit=10)

    return [order.id for order in await buyer.account.database.read(work)]


async def unpaid(buyer: Buyer) -> list[str]:
    async def work(tx: Transaction) -> Sequence[Order]:
        return await order_list.credited_unpaid(tx, buyer.tenant.environment, limit=10)

    return [order.id for order in await buyer.account.database.read(work)]


async def test_paid_and_uncredited_is_what_waits_for_a_person(buyer: Buyer) -> None:
    await buyer.order()
    in_review = await reviewed(buyer, "pi_1")
    twice = await buyer.order()
    await buyer.pay(twice, "pi_2")
    await buyer.pay(twice, "pi_3")
    refused = await buyer.order()
    await buyer.pay(refused, notification=buyer.notification(provider="creem"))

    assert await uncredited(buyer) == [refused.id, twice.id, in_review.id]
    await buyer.resolve(in_review, "approve")
    dismissed = await buyer.resolve(twice, "reject")
    await buyer.resolve(refused, "reject")

    assert (dismissed.order.status, dismissed.detail) == (
        "paid",
        "dismissed by ana: settled before",
    )
    assert await uncredited(buyer) == []
    # Another one opens it again.
    await buyer.pay(twice, "pi_4")
    assert await uncredited(buyer) == [twice.id]


async def test_credited_and_unpaid_is_what_no_payment_covers(buyer: Buyer) -> None:
    await buyer.pay(await buyer.order(), "pi_1")
    approved = await reviewed(buyer, "pi_2")
    await buyer.resolve(approved, "approve")
    charged_back = await buyer.order()
    await buyer.pay(charged_back, "pi_3")

    assert await unpaid(buyer) == [approved.id]
    await buyer.spend(60_000_000)
    await buyer.dispute(charged_back, 2000)
    assert await unpaid(buyer) == [charged_back.id, approved.id]
    # The debt is paid by what comes next.
    await buyer.pay(await buyer.order(pack_id="pack_business"), "pi_4")
    assert await unpaid(buyer) == [approved.id]


# Reading


async def page(buyer: Buyer, **fields: Any) -> list[str]:
    limit, before_id = fields.pop("limit", 10), fields.pop("before_id", None)

    async def work(tx: Transaction) -> Sequence[Order]:
        return await order_list.page(
            tx, buyer.tenant, OrderFilter(**fields), before_id=before_id, limit=limit
        )

    return [order.id for order in await buyer.account.database.read(work)]


async def test_pages_are_the_accounts_own_newest_first(
    buyer: Buyer, database: Database, clock: FixedClock
) -> None:
    stranger = await open_buyer(database, clock, email="other@example.com")
    await stranger.order()
    first, second, third = [await buyer.order() for _ in range(3)]
    await buyer.pay(second)

    assert await page(buyer) == [third.id, second.id, first.id]
    assert await page(buyer, limit=2) == [third.id, second.id]
    assert await page(buyer, limit=2, before_id=second.id) == [first.id]
    assert await page(buyer, status="paid") == [second.id]
    assert await page(buyer, order_no=third.order_no, provider="stripe") == [third.id]
    assert await page(buyer, created_before=clock.now_us()) == []
    assert await page(buyer, created_after=clock.now_us(), pack_id="pack_pro", limit=1) == [
        third.id
    ]
    # A filter cannot name another tenant.
    assert await page(buyer, account_id=stranger.tenant.account_id) == [
        third.id,
        second.id,
        first.id,
    ]


async def test_numbered_pages_say_how_many_there_are(buyer: Buyer) -> None:
    orders = [await buyer.order() for _ in range(5)]

    async def work(tx: Transaction) -> tuple[Sequence[Order], int]:
        return await order_list.numbered_page(tx, buyer.tenant, OrderFilter(), offset=3, limit=3)

    listed, total = await buyer.account.database.read(work)

    assert ([order.id for order in listed], total) == ([orders[1].id, orders[0].id], 5)


async def test_an_operator_sees_everybodys(
    buyer: Buyer, database: Database, clock: FixedClock
) -> None:
    stranger = await open_buyer(database, clock, email="other@example.com")
    foreign, own = await stranger.order(), await buyer.order()

    async def work(tx: Transaction) -> list[list[str]]:
        wanted = [
            OrderFilter(),
            OrderFilter(environment="live"),
            OrderFilter(account_id=stranger.tenant.account_id),
        ]
        pages = [await order_list.page_of_all(tx, one, before_id=None, limit=10) for one in wanted]
        return [[order.id for order in listed] for listed in pages]

    assert await database.read(work) == [[own.id, foreign.id], [own.id], [foreign.id]]


async def test_anothers_order_looks_unknown(buyer: Buyer) -> None:
    order = await buyer.order()
    elsewhere = Tenant(buyer.tenant.account_id, "staging")

    with pytest.raises(NotFound, match="Order not found"):
        await buyer.account.database.read(lambda tx: order_list.get(tx, elsewhere, order.id))


async def test_due_orders_come_longest_waiting_first(buyer: Buyer, clock: FixedClock) -> None:
    first = await buyer.order()
    clock.advance_s(10)
    second, third = await buyer.order(), await buyer.order()
    await buyer.pay(third)

    async def work(tx: Transaction) -> tuple[list[str], int | None]:
        due = await order_list.DUE.due(tx, now_us=clock.now_us(), limit=10)
        return [order.id for order in due], await order_list.DUE.next_at(tx)

    database = buyer.account.database
    assert await database.read(work) == ([], first.next_check_at)
    clock.advance_s(50)
    assert await database.read(work) == ([first.id], first.next_check_at)
    clock.advance_s(10)
    assert await database.read(work) == ([first.id, second.id], first.next_check_at)


async def test_an_erased_account_leaves_no_order(buyer: Buyer, database: Database) -> None:
    await buyer.coupon()
    order = await buyer.order(coupon="SUMMER")
    await buyer.attach(order)
    await buyer.pay(order)
    await buyer.refund(order, 500)

    async def rows(tx: Transaction) -> list[int]:
        tables = ("orders", "coupon_uses", "provider_objects", "order_reversals", "provider_events")
        counted = [await tx.fetch(f"SELECT COUNT(*) AS n FROM {table}") for table in tables]
        return [int(found[0]["n"]) for found in counted]

    before = await database.read(rows)
    await erase_account(database, buyer.tenant.account_id, now_us=1)

    # The session and the payment lead to the order; the payment and the refund were told.
    assert before == [1, 1, 2, 1, 2]
    assert await database.read(rows) == [0] * 5


# The log of notifications


async def test_of_one_events_outcomes_the_weightiest_stays(database: Database) -> None:
    notification = NotificationRef("stripe", "live", "evt_1", "charge.refunded")
    first: list[NotificationOutcome] = ["unknown", "repeated", "applied"]
    last: list[NotificationOutcome] = ["repeated", "review", "applied"]
    kept = []

    async def heard(tx: Transaction, outcome: NotificationOutcome) -> LogEntry:
        await provider_event.record(tx, [LogEntry(notification, outcome, 5, detail=outcome)])
        (found,) = await provider_event.page(tx, "live", limit=10)
        return found

    for outcome in (*first, *last):
        found = await database.transaction(functools.partial(heard, outcome=outcome))
        kept.append(found.outcome)

    assert kept == ["unknown", "unknown", "applied", "applied", "review", "review"]
    assert found.detail == "review"


async def test_an_event_of_several_outcomes_is_one_row(database: Database) -> None:
    notification = NotificationRef("stripe", "live", "evt_1", "charge.refunded")
    outcomes: list[NotificationOutcome] = ["ignored", "refused", "applied"]
    entries = [LogEntry(notification, outcome, 5) for outcome in outcomes]

    await database.transaction(lambda tx: provider_event.record(tx, entries))

    (found,) = await database.read(lambda tx: provider_event.page(tx, "live", limit=10))
    assert found.outcome == "refused"


async def test_the_log_is_read_newest_first_by_pages(database: Database) -> None:
    entries = [
        LogEntry(NotificationRef("stripe", "live", f"evt_{number}", "t"), "ignored", number // 2)
        for number in range(5)
    ]
    await database.transaction(lambda tx: provider_event.record(tx, entries))

    async def ids(before: tuple[int, str, str] | None) -> list[str]:
        listed = await database.read(
            lambda tx: provider_event.page(tx, "live", before=before, limit=3)
        )
        return [entry.notification.event_id for entry in listed]

    assert await ids(None) == ["evt_4", "evt_3", "evt_2"]
    assert await ids((1, "stripe", "evt_2")) == ["evt_1", "evt_0"]
    assert await database.read(lambda tx: provider_event.page(tx, "staging", limit=3)) == []
