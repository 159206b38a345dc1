"""Facts about a subscription in any order, repeated, through two engines: each period counts once."""

import contextlib
import itertools
import shutil
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from billing.ledger.price import Price
from billing.providers.event_log import NotificationRef
from billing.providers.protocol import (
    DisputeClosed,
    Disputed,
    Fact,
    InvoicePaid,
    Refunded,
    RefundFailed,
    Subject,
    SubscriptionChanged,
    Waiting,
)
from kernel.clock import DAY_US, FixedClock, parse_rfc3339
from store.open import open_database
from tests.support.subscriber import Subscriber, open_subscriber
from tests.support.told_amounts import overstatements

pytestmark = pytest.mark.long

NOON = parse_rfc3339("2026-06-13T12:00:00Z")
MONTH_US = 30 * DAY_US
PERIODS = 3


def paid(number: int, order_id: str) -> InvoicePaid:
    start = NOON + number * MONTH_US
    return InvoicePaid(
        Subject(order_id, (f"in_{number}", "sub_1")),
        subscription_ref="sub_1",
        invoice_id=f"in_{number}",
        price=Price(1000, "USD"),
        period_start_at=start,
        period_end_at=start + MONTH_US,
        product_ref="sandbox/pro/month",
    )


def changed(status: Any, number: int, order_id: str) -> SubscriptionChanged:
    return SubscriptionChanged(
        Subject(order_id, ("sub_1",)),
        "sub_1",
        status,
        period_end_at=NOON + (number + 1) * MONTH_US,
        product_ref="sandbox/pro/month",
        sent_at=NOON + number * MONTH_US,
    )


def facts_of(order_id: str) -> Sequence[Fact]:
    """Three paid months; of the second half went back, by an id that a link alone explains; the
    third was disputed in whole, and the dispute won. A refund of the first failed.
    """
    return (
        *(paid(number, order_id) for number in range(PERIODS)),
        changed("past_due", 1, order_id),
        changed("active", 2, order_id),
        Waiting(Subject(None, ("in_1", "pi_1"))),
        Refunded(Subject(None, ("ch_1", "pi_1")), "ch_1", Price(500, "USD")),
        Refunded(Subject(None, ("in_0",)), "ch_0", Price(1000, "USD")),
        Refunded(Subject(None, ("in_0",)), "re_0", Price(1000, "USD"), is_part=True),
        RefundFailed(Subject(None, ("in_0",)), "re_0", Price(1000, "USD"), is_part=True),
        Disputed(Subject(None, ("in_2",)), "dp_1", Price(1000, "USD")),
        DisputeClosed(Subject(None, ("in_2",)), "dp_1", is_won=True),
    )


@contextlib.asynccontextmanager
async def fresh_club(template: Path) -> AsyncIterator[Subscriber]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "topup.db"
        shutil.copy(template, path)
        database = open_database(f"sqlite:///{path}")
        try:
            async with open_subscriber(database, FixedClock(NOON), Path(folder)) as subscriber:
                yield subscriber
        finally:
            await database.close()


ORDERS = st.permutations(range(len(facts_of("")))).flatmap(
    lambda order: st.tuples(
        st.just(order), st.lists(st.sampled_from(range(len(order))), max_size=12)
    )
)


@given(ORDERS, st.lists(st.booleans(), min_size=1, max_size=8))
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_any_order_and_repetition_credits_each_period_once(
    sqlite_template: Path, notification: tuple[list[int], list[int]], engines: list[bool]
) -> None:
    order_of_facts, repeated = notification
    async with fresh_club(sqlite_template) as subscriber:
        order = await subscriber.join()
        facts = facts_of(order.id)
        payments_of_each = (subscriber.buyer.payments, subscriber.buyer.another())
        turns = itertools.cycle(engines)

        for number in (*order_of_facts, *repeated):
            event = NotificationRef("stripe", "staging", f"evt_{number}", "test")
            await payments_of_each[next(turns)].notifications.act_on([facts[number]], event)

        one = await subscriber.now(order)
        periods = await subscriber.periods(one)
        assert [period.credits_micros for period in periods] == [10_000_000] * PERIODS
        assert [period.reversed_micros for period in periods] == [0, 5_000_000, 0]
        assert await subscriber.credits() == 25_000
        assert (one.status, one.paid_until_at) == ("active", NOON + PERIODS * MONTH_US)
        assert await subscriber.buyer.account.findings() == []
        assert await subscriber.database.read(overstatements) == []
        told = Counter(await subscriber.buyer.account.events())
        assert (told["subscription.started"], told["subscription.renewed"]) == (1, PERIODS - 1)
        # Only where the failed renewal is told before the payment that mends it.
        assert told["subscription.past_due"] <= 1
        assert told["subscription.changed"] + told["subscription.ended"] == 0
