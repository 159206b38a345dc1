"""Money in by month, and what became of its credit: a hand-written table, equal to the ledger."""

import pytest

from billing.reports.revenue import (
    OutstandingLine,
    RevenueLine,
    RevenuePeriod,
    credit_lines,
    revenue_lines,
)
from kernel.clock import DAY_US, FixedClock
from store.database import Database, Transaction
from tests.support.buyer import open_buyer, open_live_counter


async def test_two_months_of_sales_are_added_up_by_hand(
    database: Database, clock: FixedClock
) -> None:
    buyer = await open_live_counter(database, clock)
    kept, refunded = await buyer.order(), await buyer.order()
    await buyer.pay(kept, "pi_1")
    await buyer.pay(refunded, "pi_2")
    await buyer.refund(refunded, 500)
    clock.advance_s(30 * DAY_US // 1_000_000)  # 2026-07-13
    await buyer.pay(await buyer.order(), "pi_3")
    # Of June's payments, in July: told by itself, and in the sum that grows.
    await buyer.refund(kept, 300, key="re_2", kind="part")
    await buyer.refund(kept, 300, key="ch_1")
    await buyer.spend(1_234_567)
    period = RevenuePeriod("live", 0, clock.now_us() + 1)

    money = await revenue_lines(database, period)
    # Three at once: what is read apart is added up.
    credit = await credit_lines(database, period, read_at_once=3)

    june = RevenueLine(
        month="2026-06",
        provider="stripe",
        currency="USD",
        payments=2,
        paid=4000,
        refunded=800,
        refunded_in_month=500,
        net=3200,
        fee=0,
        fees_known=0,
    )
    july = RevenueLine(
        month="2026-07",
        provider="stripe",
        currency="USD",
        payments=1,
        paid=2000,
        refunded=0,
        refunded_in_month=300,
        net=2000,
        fee=0,
        fees_known=0,
    )
    assert list(money) == [june, july]
    # A pack gives 25,000 credits of $0.001; 5.00 of 20.00 takes 6,250 of them back, 3.00 takes 3,750.
    assert list(credit) == [
        line("2026-06", 0, sold=50_000_000, back=-6_250_000, closing=43_750_000),
        line(
            "2026-07",
            43_750_000,
            sold=25_000_000,
            back=-3_750_000,
            used=-1_234_567,
            closing=63_765_433,
        ),
    ]
    assert await held_micros(database, "live") == 63_765_433


async def test_what_was_given_and_expired_has_columns_of_its_own(
    database: Database, clock: FixedClock
) -> None:
    await open_buyer(database, clock)
    period = RevenuePeriod("staging", 0, clock.now_us() + 1)

    (only,) = await credit_lines(database, period)

    assert only == line("2026-06", 0, given=10_000_000_000, closing=10_000_000_000)
    assert await held_micros(database, "staging") == 10_000_000_000
    assert await revenue_lines(database, period) == []


@pytest.mark.parametrize("since_month", ["2026-06", "2026-07"])
async def test_months_before_the_period_are_in_its_opening_balance(
    database: Database, clock: FixedClock, since_month: str
) -> None:
    buyer = await open_live_counter(database, clock)
    await buyer.pay(await buyer.order())
    clock.advance_s(30 * DAY_US // 1_000_000)
    await buyer.pay(await buyer.order(), "pi_2")
    since = clock.now_us() if since_month == "2026-07" else 0

    found = await credit_lines(database, RevenuePeriod("live", since, clock.now_us() + 1))

    assert found[0].month == since_month
    assert found[-1].opening_micros == 25_000_000
    assert found[-1].closing_micros == 50_000_000


def line(
    month: str,
    opening: int,
    *,
    sold: int = 0,
    given: int = 0,
    back: int = 0,
    used: int = 0,
    breakage: int = 0,
    expired: int = 0,
    closing: int,
) -> OutstandingLine:
    return OutstandingLine(
        month=month,
        opening_micros=opening,
        sold_micros=sold,
        granted_micros=given,
        reversed_micros=back,
        used_micros=used,
        breakage_micros=breakage,
        expired_micros=expired,
        withdrawn_micros=0,
        debts_micros=0,
        closing_micros=closing,
    )


async def held_micros(database: Database, environment: str) -> int:
    """What the ledger says that customers hold."""

    async def work(tx: Transaction) -> int:
        row = await tx.fetch_one(
            """SELECT SUM(balance_micros) AS micros FROM ledger_accounts
               WHERE environment = :environment AND kind IN ('wallet', 'grant', 'held')""",
            environment=environment,
        )
        return 0 if row is None else int(row["micros"] or 0)

    return await database.read(work)
