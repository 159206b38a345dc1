"""A fall of the balance is charged once, and each end of a charge means what it promises."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from msgspec.structs import replace

from billing.ledger.ledger import InsufficientBalance
from billing.payments.recharging import charging
from billing.payments.recharging.setting import RemoveRecharge, SwitchRechargeOff
from billing.payments.unanswered import count_unanswered
from billing.recharges import recharge
from kernel.clock import FixedClock
from kernel.tenant import Tenant
from keys.account_access import resume, suspend
from keys.audit_log import Actor
from store.database import Database, Transaction
from tests.support.recharger import Recharging, open_recharging
from worker.woken_loop import place_of

HOUR_S, DAY_S = 3600, 86_400


@pytest_asyncio.fixture
async def one(database: Database, clock: FixedClock) -> AsyncIterator[Recharging]:
    """$20.00 in the wallet; below $5.00 it buys $10.00, at most $30.00 a month."""
    async with open_recharging(database, clock) as opened:
        await opened.give(2000)
        await opened.set()
        yield opened


async def test_a_fall_buys_once_and_the_next_fall_again(one: Recharging) -> None:
    await one.spend(1500)  # 5.00: at the mark, not below it
    await one.work()
    assert one.vendor.charges_heard == 0

    await one.spend(1)
    await one.spend(1)
    await one.work()
    assert (one.vendor.charges_heard, await one.cents()) == (1, 1498)

    await one.spend(998)  # 5.00
    await one.work()
    assert one.vendor.charges_heard == 1
    await one.spend(1)
    await one.work()

    assert (one.vendor.charges_heard, await one.cents()) == (2, 1499)
    assert [order.status for order in await one.orders()] == ["paid", "paid"]
    assert {order.origin for order in await one.orders()} == {"recharge"}
    assert [each["type"] for each in await one.told()] == ["succeeded", "succeeded"]
    assert await one.findings() == []


async def test_what_is_bought_and_still_below_the_mark_is_bought_again_when_more_is_spent(
    one: Recharging,
) -> None:
    await one.set(below_cents=5000, amount_cents=1000, monthly_max_cents=100_000)
    await one.work()  # set while the balance is below: a fall
    assert (one.vendor.charges_heard, await one.cents()) == (1, 3000)

    await one.work()
    assert one.vendor.charges_heard == 1
    await one.spend(1)
    await one.work()
    assert (one.vendor.charges_heard, await one.cents()) == (2, 3999)


async def test_a_refusal_names_the_recharge_that_is_under_way(one: Recharging) -> None:
    await one.spend(1900)

    with pytest.raises(InsufficientBalance) as refused:
        await one.spend(200)
    await one.work()

    (order,) = await one.orders()
    assert refused.value.extra["recharge"] == {"order_id": order.id, "retry_after": 5}
    assert refused.value.retry_after_s == 5
    await one.spend(200)
    with pytest.raises(InsufficientBalance) as later:
        await one.spend(10_000)
    assert "recharge" not in later.value.extra


async def test_a_lost_answer_is_asked_for_and_never_charged_again(one: Recharging) -> None:
    one.vendor.script = ["answer lost"]
    await one.spend(1600)
    await one.work()
    assert (len(one.vendor.taken), await one.cents()) == (1, 400)

    await one.work(seconds=2 * DAY_S)  # the provider has forgotten the request long since

    assert (one.vendor.charges_heard, await one.cents()) == (1, 1400)


async def test_a_charge_that_nobody_heard_of_is_not_made_once_its_key_is_old(
    one: Recharging,
) -> None:
    one.vendor.script = ["heard nothing"]
    await one.spend(1600)
    await one.work()
    await one.work(seconds=DAY_S)

    assert one.vendor.charges_heard == 0
    assert [order.status for order in await one.orders()] == ["failed"]
    assert [each["reason"] for each in await one.told()] == ["unknown_outcome"]


async def test_a_charge_is_counted_as_unanswered_after_an_hour_and_until_it_is_known(
    one: Recharging,
) -> None:
    clock, counts = one.account.clock, []
    one.vendor.script = ["answer lost"]
    await one.spend(1600)
    await one.work()
    for seconds in (3599, 1):
        clock.advance_s(seconds)
        counts.append(
            await one.account.database.read(lambda tx: count_unanswered(tx, now_us=clock.now_us()))
        )
    await one.work()
    after = await one.account.database.read(lambda tx: count_unanswered(tx, now_us=clock.now_us()))

    assert [each["live", "recharge"] for each in [*counts, after]] == [0, 1, 0]
    assert counts[1]["live", "steer"] == counts[1]["staging", "recharge"] == 0


async def test_a_charge_that_nobody_heard_of_is_sent_again_soon(one: Recharging) -> None:
    one.vendor.script = ["heard nothing", "heard nothing"]
    await one.spend(1600)
    await one.work()
    await one.work(seconds=16)
    await one.work(seconds=61)

    assert (one.vendor.charges_heard, await one.cents()) == (1, 1400)


async def test_the_notification_may_come_first_and_twice(one: Recharging) -> None:
    one.vendor.script = ["answer lost"]
    await one.spend(1600)
    await one.work()

    assert await one.notify("pi_0") == "applied"
    assert await one.notify("pi_0") == "repeated"
    await one.work(seconds=HOUR_S)

    assert (one.vendor.charges_heard, await one.cents()) == (1, 1400)
    assert [each["type"] for each in await one.told()] == ["succeeded"]


async def test_a_charge_under_way_is_asked_about_by_the_orders_sweep(one: Recharging) -> None:
    one.vendor.script = ["processing"]
    await one.spend(1600)
    await one.work()
    one.vendor.succeed("pi_0")
    await one.sweep()

    assert (one.vendor.charges_heard, await one.cents()) == (1, 1400)


async def test_the_months_bound_counts_what_is_under_way_and_ends_with_the_month(
    one: Recharging,
) -> None:
    one.vendor.script = ["processing"]
    await one.spend(1600)
    await one.work()
    await one.set(monthly_max_cents=1900)
    one.vendor.succeed("pi_0")
    await one.sweep()  # 14.00
    await one.spend(1000)
    await one.work()

    assert one.vendor.charges_heard == 1
    last = (await one.told())[-1]
    assert (last["reason"], last["order_id"], last["disabled"]) == ("monthly_max", None, False)

    await one.work(seconds=31 * DAY_S)  # the same fall: nothing
    assert one.vendor.charges_heard == 1
    await one.give(500)
    await one.spend(500)
    await one.work()
    assert one.vendor.charges_heard == 2


async def test_a_decline_that_may_pass_is_charged_again_later_and_the_third_ends_it(
    one: Recharging,
) -> None:
    one.vendor.script = ["insufficient_funds"] * 4
    await one.spend(1600)
    await one.work()
    await one.work(seconds=HOUR_S - 1)
    assert one.vendor.charges_heard == 1
    await one.work(seconds=1)
    assert one.vendor.charges_heard == 2
    await one.work(seconds=DAY_S)
    assert one.vendor.charges_heard == 3

    await one.work(seconds=30 * DAY_S)
    await one.give(500)
    await one.spend(500)
    await one.work()

    assert one.vendor.charges_heard == 3
    told = await one.told()
    assert [each["failures"] for each in told] == [1, 2, 3]
    assert [each["disabled"] for each in told] == [False, False, True]
    assert [each["retry_at"] for each in told] == [
        "2026-06-13T13:00:00Z",
        "2026-06-14T13:00:00Z",
        None,
    ]
    setting = await one.setting()
    assert setting is not None
    assert setting.disabled_reason == "failures"


async def test_a_decline_for_good_waits_for_the_next_fall(one: Recharging) -> None:
    one.vendor.script = ["card_expired"]
    await one.spend(1600)
    await one.work()
    await one.spend(1)
    await one.work(seconds=10 * DAY_S)
    assert one.vendor.charges_heard == 1

    await one.give(101)  # 5.00: at the mark
    await one.spend(1)
    await one.work()

    assert (one.vendor.charges_heard, await one.cents()) == (2, 1499)
    setting = await one.setting()
    assert setting is not None
    assert setting.failures == 0


async def test_a_card_that_asks_its_owner_is_confirmed_at_a_checkout_of_the_same_order(
    one: Recharging,
) -> None:
    one.vendor.script = ["authentication_required"]
    await one.spend(1600)
    await one.work()

    (order,) = await one.orders()
    (told,) = await one.told()
    assert (told["reason"], told["url"]) == ("authentication_required", order.url)
    assert one.vendor.payments["pi_0"].status == "cancelled"
    await one.give(1000)
    await one.spend(1000)
    await one.work(seconds=HOUR_S)
    assert one.vendor.charges_heard == 1

    one.vendor.succeed(f"co_{order.id}")
    await one.notify(f"co_{order.id}")
    assert await one.cents() == 1400
    assert [each["type"] for each in await one.told()] == ["failed", "succeeded"]


async def test_a_checkout_that_nobody_confirms_ends_the_fall_and_is_told_once(
    one: Recharging,
) -> None:
    one.vendor.script = ["authentication_required"]
    await one.spend(1600)
    await one.work()
    await one.sweep(seconds=DAY_S)

    assert [order.status for order in await one.orders()] == ["expired"]
    assert len(await one.told()) == 1
    await one.give(500)
    await one.spend(500)
    await one.work()
    assert (one.vendor.charges_heard, await one.cents()) == (2, 1400)


async def test_what_is_taken_away_or_switched_off_charges_no_more_and_asks_to_its_end(
    one: Recharging,
) -> None:
    one.vendor.script = ["answer lost"]
    await one.spend(1600)
    await one.work()
    await one.account.engine.submit(RemoveRecharge(one.tenant))
    await one.work(seconds=60)
    assert await one.cents() == 1400

    await one.set()
    await one.spend(1000)
    await one.account.engine.submit(
        SwitchRechargeOff(one.tenant, Actor(), "asked by the customer", "ana")
    )
    await one.work()
    assert (one.vendor.charges_heard, await one.cents()) == (1, 400)


async def test_a_balance_that_recovers_first_is_not_charged(one: Recharging) -> None:
    await one.spend(1600)
    await one.give(100)
    await one.work()
    assert one.vendor.charges_heard == 0
    await one.spend(1)
    await one.work()
    assert one.vendor.charges_heard == 1


async def test_falls_that_break_keep_no_other_waiting(one: Recharging) -> None:
    """More of them than a look takes, all older: an environment that this version does not know."""
    set_up = await one.set()
    await one.spend(1501)

    async def break_100(tx: Transaction) -> None:
        tenants = [Tenant(f"acc_{number:03}", "future") for number in range(100)]
        rows = [(*tenant, 0, f"ord_{number:026}") for number, tenant in enumerate(tenants)]
        columns = ("account_id", "environment", "created_at", "recharge_order_id")
        await tx.insert("account_environments", columns, rows)
        others = [
            replace(set_up, account_id=each.account_id, environment="future") for each in tenants
        ]
        await recharge.save(tx, others)

    await one.account.database.transaction(break_100)
    worker = one.worker()
    for _ in range(2):
        await worker.step()

    assert (one.vendor.charges_heard, await one.cents()) == (1, 1499)


async def test_credit_that_is_taken_back_charges_nothing(one: Recharging) -> None:
    """A refund, a dispute or the operator took it: whoever wants the money back is not charged more."""
    await one.give(-1600)
    await one.work()
    await one.spend(1)
    await one.work()
    assert (one.vendor.charges_heard, await one.cents()) == (0, 399)

    await one.give(200)
    await one.spend(100)
    await one.work()
    assert one.vendor.charges_heard == 1


async def test_a_suspended_account_is_charged_once_it_goes_on(one: Recharging) -> None:
    database, account_id = one.account.database, one.account.account_id
    await one.spend(1600)
    now_us = one.account.clock.now_us()
    await database.transaction(lambda tx: suspend(tx, account_id, "why", now_us=now_us))
    await one.work()
    assert one.vendor.charges_heard == 0

    await database.transaction(lambda tx: resume(tx, account_id))
    await one.work()

    assert (one.vendor.charges_heard, await one.cents()) == (1, 1400)


@pytest.mark.one_database
async def test_a_provider_that_is_asked_as_much_as_may_be_hides_no_other(one: Recharging) -> None:
    database, clock = one.account.database, one.account.clock
    full = [place_of("live", "cardpay")]
    one.vendor.script = ["answer lost"]
    await one.spend(1600)

    async def found(*places: str) -> tuple[list[str], list[str]]:
        """The providers of falls and of charges that are due."""
        now_us = clock.now_us()
        falls = await database.read(
            lambda tx: charging.begun_falls(tx, limit=9, exclude_keys=places)
        )
        charges = await database.read(
            lambda tx: charging.due_charges(tx, now_us=now_us, limit=9, exclude_keys=places)
        )
        return [fall.provider for fall in falls], [name for name, _ in charges]

    begun = (await found(), await found(*full))
    await one.work()
    clock.advance_s(16)
    sent = (await found(), await found(*full))

    assert begun == ((["cardpay"], []), ([], []))
    assert sent == (([], ["cardpay"]), ([], []))
    assert await database.read(lambda tx: charging.next_charge_at(tx, exclude_keys=full)) is None
