"""Refunds asked for here: held before the provider is asked, and counted once, whoever tells of them.

The order is $20.00 for 25,000 credits, which are 25,000,000 micros; a cent of it is 12,500.
"""

from typing import Any

import pytest

from billing.ledger.ledger import InsufficientBalance
from billing.orders import refund as refund_rows
from billing.orders.order import Order
from billing.providers.abilities import RefundReport
from billing.providers.protocol import Refunded, RefundFailed, Subject
from billing.refunds.commands import ClaimRefund, PostponeRefund, RefundRefused, RefundUnderWay
from kernel.clock import FixedClock
from kernel.errors import InvalidInput
from store.database import Database
from tests.support.buyer import open_live_counter
from tests.support.refunding import (
    CREEM,
    EPAY,
    Refunding,
    came_back,
    made,
    names_of,
    usd,
)

WHOLE = 25_000_000


async def _paid(database: Database, clock: FixedClock) -> tuple[Refunding, Order]:
    """A live order that is paid; the account has nothing else."""
    buyer = await open_live_counter(database, clock)
    order = await buyer.order()
    await buyer.pay(order)
    return Refunding(buyer), order


async def test_the_credit_is_held_at_once_and_taken_with_the_providers_yes(
    database: Database, clock: FixedClock
) -> None:
    refunding, order = await _paid(database, clock)

    asked = await refunding.ask(order, 500)

    assert (asked.status, asked.amount, asked.currency) == ("requested", 500, "USD")
    assert await refunding.buyer.micros() == {
        "wallet": 18_750_000,
        "held": 6_250_000,
        "provider": WHOLE,
    }
    assert await refunding.findings() == []

    done = await refunding.settle(asked, made(asked))

    assert (done.status, done.provider_refund_id, done.held_micros) == ("succeeded", "re_1", 0)
    assert await refunding.buyer.micros() == {"wallet": 18_750_000, "provider": 18_750_000}
    after = await refunding.buyer.now(order)
    assert (after.status, after.refunded_amount) == ("partially_refunded", 500)
    assert await refunding.findings() == []


async def test_a_definite_no_gives_the_credit_back(database: Database, clock: FixedClock) -> None:
    refunding, order = await _paid(database, clock)
    asked = await refunding.ask(order)

    done = await refunding.settle(asked, RefundReport("failed", detail="stripe refused it"))

    assert (done.status, done.detail) == ("failed", "stripe refused it")
    assert await refunding.buyer.micros() == {"wallet": WHOLE, "provider": WHOLE}
    assert (await refunding.buyer.now(order)).status == "paid"
    assert await refunding.findings() == []


@pytest.mark.one_database
async def test_without_a_word_the_credit_stays_held_and_cannot_be_spent(
    database: Database, clock: FixedClock
) -> None:
    refunding, order = await _paid(database, clock)
    asked = await refunding.ask(order)

    kept = await refunding.buyer.engine.submit(PostponeRefund(**names_of(asked), detail="timeout"))

    assert (kept.status, kept.held_micros, kept.detail) == ("unknown", WHOLE, "timeout")
    with pytest.raises(InsufficientBalance):
        await refunding.buyer.spend(1)


@pytest.mark.one_database
@pytest.mark.parametrize("is_told_first", [True, False])
@pytest.mark.parametrize("sum_too", [True, False])
async def test_the_answer_and_the_notification_count_once(
    database: Database, clock: FixedClock, *, is_told_first: bool, sum_too: bool
) -> None:
    refunding, order = await _paid(database, clock)
    asked = await refunding.ask(order, 500)

    async def notified() -> None:
        if sum_too:
            await refunding.buyer.refund(order, 500, key="ch_1")
        fact = Refunded(Subject(order.id, ("re_1", asked.id)), "re_1", usd(500), is_part=True)
        await refunding.buyer._hear(order, fact)

    if is_told_first:
        await notified()
    await refunding.settle(asked, made(asked))
    await notified()

    assert (await refunding.now(asked)).status == "succeeded"
    assert await refunding.buyer.micros() == {"wallet": 18_750_000, "provider": 18_750_000}
    assert (await refunding.buyer.now(order)).refunded_amount == 500
    assert await refunding.findings() == []


async def test_one_that_comes_back_later_gives_the_credit_back(
    database: Database, clock: FixedClock
) -> None:
    refunding, order = await _paid(database, clock)
    asked = await refunding.ask(order)
    await refunding.settle(asked, made(asked, is_pending=True))
    assert (await refunding.now(asked)).status == "pending"

    fact = RefundFailed(Subject(order.id, ("re_1",)), "re_1", usd(2000), is_part=True)
    await refunding.buyer._hear(order, fact)

    assert (await refunding.now(asked)).status == "failed"
    assert await refunding.buyer.micros() == {"wallet": WHOLE, "provider": WHOLE}
    assert (await refunding.buyer.now(order)).status == "paid"
    # The yes, told again and late, takes nothing.
    await refunding.settle(asked, made(asked))
    assert await refunding.buyer.micros() == {"wallet": WHOLE, "provider": WHOLE}
    assert await refunding.findings() == []


@pytest.mark.one_database
async def test_credit_that_was_spent_is_2002_unless_it_may_be_owed(
    database: Database, clock: FixedClock
) -> None:
    refunding, order = await _paid(database, clock)
    await refunding.buyer.spend(20_000_000)

    with pytest.raises(InsufficientBalance) as refused:
        await refunding.ask(order, 1000)
    assert refused.value.extra == {"needed_cents": 1250, "available_cents": 500}

    asked = await refunding.ask(order, 1000, allow_owed=True)
    assert asked.held_micros == 5_000_000
    await refunding.settle(asked, made(asked))
    # 12.5 million were to go back: 5 were there.
    assert (await refunding.buyer.micros())["owed"] == 7_500_000
    assert await refunding.findings() == []


async def test_a_dispute_of_what_is_being_refunded_takes_the_credit_once(
    database: Database, clock: FixedClock
) -> None:
    refunding, order = await _paid(database, clock)
    asked = await refunding.ask(order)

    await refunding.buyer.dispute(order, 2000)
    assert await refunding.buyer.micros() == {}
    await refunding.settle(asked, made(asked))
    assert await refunding.buyer.micros() == {}
    # Won: the money of the dispute is ours again, and that of the refund is not.
    await refunding.buyer.close_dispute(order, is_won=True)

    assert await refunding.buyer.micros() == {}
    assert (await refunding.buyer.now(order)).status == "refunded"
    assert await refunding.findings() == []


@pytest.mark.one_database
async def test_a_disputed_payment_is_not_refunded_again(
    database: Database, clock: FixedClock
) -> None:
    refunding, order = await _paid(database, clock)
    await refunding.buyer.dispute(order, 2000)

    with pytest.raises(RefundRefused) as refused:
        await refunding.ask(order)

    assert refused.value.reason == "nothing_left"


@pytest.mark.one_database
async def test_one_refund_of_a_payment_goes_on_at_a_time(
    database: Database, clock: FixedClock
) -> None:
    refunding, order = await _paid(database, clock)
    first = await refunding.ask(order, 500)

    with pytest.raises(RefundRefused) as refused:
        await refunding.ask(order, 500)

    assert (refused.value.reason, refused.value.extra["refund_id"]) == ("under_way", first.id)
    await refunding.settle(first, made(first))
    with pytest.raises(InvalidInput):
        await refunding.ask(order, 1501)
    second = await refunding.ask(order)
    assert second.amount == 1500


@pytest.mark.one_database
async def test_what_was_never_paid_is_not_refunded(database: Database, clock: FixedClock) -> None:
    buyer = await open_live_counter(database, clock)
    refunding, order = Refunding(buyer), await buyer.order()

    with pytest.raises(RefundRefused) as refused:
        await refunding.ask(order)

    assert refused.value.reason == "not_paid"


async def test_a_provider_that_names_no_refund_is_matched_by_the_sum(
    database: Database, clock: FixedClock
) -> None:
    refunding, order = await _paid(database, clock)
    refunding.way = CREEM
    with pytest.raises(InvalidInput, match="can only refund the whole"):
        await refunding.ask(order, 500)
    asked = await refunding.ask(order)
    fact = Refunded(Subject(order.id, (asked.id,)), asked.id, usd(2000))
    await refunding.settle(asked, RefundReport("succeeded", None, fact))

    told: Any = Refunded(Subject(order.id, ("tran_1",)), "ref_9", usd(2000))
    await refunding.buyer._hear(order, told)
    assert (await refunding.now(asked)).provider_refund_id == "ref_9"
    assert (await refunding.buyer.now(order)).refunded_amount == 2000

    failed = RefundFailed(Subject(order.id, ("tran_1",)), "ref_9", usd(2000))
    await refunding.buyer._hear(order, failed)
    assert (await refunding.now(asked)).status == "failed"
    assert await refunding.buyer.micros() == {"wallet": WHOLE, "provider": WHOLE}
    assert await refunding.findings() == []


@pytest.mark.one_database
async def test_a_part_by_hand_counts_beside_one_that_was_asked_for(
    database: Database, clock: FixedClock
) -> None:
    refunding, order = await _paid(database, clock)
    refunding.way = EPAY
    first = await refunding.ask(order, 500)
    fact = Refunded(Subject(order.id, (first.id,)), first.id, usd(500))
    await refunding.settle(first, RefundReport("succeeded", None, fact))

    by_hand = await refunding.ask(order, 700, provider_refund_id="R7")

    assert (by_hand.status, by_hand.is_made_at_provider) == ("succeeded", True)
    assert (await refunding.buyer.now(order)).refunded_amount == 1200
    with pytest.raises(RefundRefused) as refused:
        await refunding.ask(order, 100, provider_refund_id="R7")
    assert refused.value.reason == "known"
    assert await refunding.findings() == []


@pytest.mark.one_database
async def test_nobody_decides_while_a_later_question_is_under_way(
    database: Database, clock: FixedClock
) -> None:
    refunding, order = await _paid(database, clock)
    named = names_of(await refunding.ask(order))
    engine = refunding.buyer.engine
    later = clock.now_us() + 3_600_000_000

    for seen in range(2):
        ask = ClaimRefund(**named, seen_checks_made=seen, next_check_at=later)
        asked = (await engine.submit(ask)).refund
        with pytest.raises(RefundUnderWay, match="is being called"):
            await refunding.decide(asked, "not_made")
        kept = await engine.submit(PostponeRefund(**named, detail="no answer"))
        assert (kept.status, kept.lease_until) == ("unknown", None)
        clock.advance_s(600)

    # The answer came, and there was none: a person may say what they saw.
    assert (await refunding.decide(asked, "not_made")).status == "failed"


@pytest.mark.one_database
@pytest.mark.parametrize(("verdict", "wallet"), [("made", 0), ("not_made", WHOLE)])
async def test_a_person_decides_once_and_the_provider_may_know_better(
    database: Database, clock: FixedClock, verdict: Any, wallet: int
) -> None:
    refunding, order = await _paid(database, clock)
    asked = await refunding.ask(order)
    with pytest.raises(RefundRefused) as refused:
        await refunding.decide(asked, verdict)
    assert refused.value.reason == "being_asked"
    clock.advance_s(31)

    await refunding.decide(asked, verdict, provider_refund_id="re_typo")

    assert (await refunding.buyer.micros()).get("wallet", 0) == wallet
    with pytest.raises(RefundRefused):
        await refunding.decide(asked, verdict)
    # The provider's own word, under its own name, replaces what was written down.
    fact = Refunded(Subject(order.id, ("re_1", asked.id)), "re_1", usd(2000), is_part=True)
    await refunding.buyer._hear(order, fact)
    assert (await refunding.now(asked)).provider_refund_id == "re_1"
    assert (await refunding.buyer.now(order)).refunded_amount == 2000
    assert await refunding.buyer.micros() == {}
    await refunding.settle(asked, came_back(asked))
    assert await refunding.buyer.micros() == {"wallet": WHOLE, "provider": WHOLE}
    assert await refunding.findings() == []


@pytest.mark.one_database
async def test_a_coupons_part_is_held_and_given_back_where_it_was(
    database: Database, clock: FixedClock
) -> None:
    buyer = await open_live_counter(database, clock)
    await buyer.coupon()
    order = await buyer.order(coupon="SUMMER")
    await buyer.pay(order)
    before = await buyer.micros()
    refunding = Refunding(buyer)

    asked = await refunding.ask(order)
    assert (asked.held_micros, asked.held_grant_micros) == (WHOLE, 6_250_000)
    await refunding.settle(asked, RefundReport("failed", detail="no"))

    assert await buyer.micros() == before
    assert await refunding.findings() == []


async def test_a_dispute_that_is_won_leaves_the_credit_held_for_the_open_refund(
    database: Database, clock: FixedClock
) -> None:
    refunding, order = await _paid(database, clock)
    asked = await refunding.ask(order)
    await refunding.buyer.dispute(order, 2000)
    assert (await refunding.now(asked)).held_micros == 0

    await refunding.buyer.close_dispute(order, is_won=True)

    # The provider may have made the refund: until it says so, nobody spends what it takes back.
    assert (await refunding.now(asked)).held_micros == WHOLE
    assert await refunding.buyer.micros() == {"held": WHOLE, "provider": WHOLE}
    await refunding.settle(asked, RefundReport("failed", detail="stripe refused it"))
    assert await refunding.buyer.micros() == {"wallet": WHOLE, "provider": WHOLE}
    assert await refunding.findings() == []


@pytest.mark.one_database
async def test_refunds_of_a_provider_that_is_asked_enough_hide_nobody_elses(
    database: Database, clock: FixedClock
) -> None:
    refunding, order = await _paid(database, clock)
    asked = await refunding.ask(order)
    now_us = clock.now_us()

    async def due(*full: str) -> tuple[list[str], int | None]:
        found = await database.read(
            lambda tx: refund_rows.DUE.due(tx, now_us=now_us, limit=1, exclude_keys=full)
        )
        next_at = await database.read(lambda tx: refund_rows.DUE.next_at(tx, exclude_keys=full))
        return [one.id for one in found], next_at

    assert await due("live/epay", "staging/stripe") == ([asked.id], now_us)
    assert await due("live/stripe") == ([], None)
