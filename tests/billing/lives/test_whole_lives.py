"""Whole lives at the gateway and at Stripe's stand-in: what each costs and credits, to the micro.

Each is what a payer, an operator in Stripe's dashboard, a bank and time do. What it must come to was
worked out by hand, beside it. Pro costs $10.00 a month for 10,000 credits ($100.00 a year), team $30.00
for 40,000; a credit is 1,000 micros. A life begins on the first day of a month of 30 days.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from kernel.clock import FixedClock
from tests.support.stripe_api import catalog, checkout, customers, refunds, subscriptions
from tests.support.stripe_api.params import decoded
from tests.support.stripe_life import Life, Lives, Outcome, open_lives

Act = Callable[[Life], Awaitable[object]]
LIVES: list[tuple[Act, Outcome]] = []
# What the gateway has to hear of while they go on: of those it cannot hear all at their end.
STEP_BY_STEP: set[Act] = set()
MONTH_DAYS = 31  # of the longest: a day past the end of the first period


def comes_to(
    cents: int, micros: int, *, owed_micros: int = 0, status: str | None = None
) -> Callable[[Act], Act]:
    """Puts the life into the table with what it must come to."""

    def keep(act: Act) -> Act:
        LIVES.append((act, Outcome(cents, micros, owed_micros, status)))
        return act

    return keep


def step_by_step(act: Act) -> Act:
    """A life that goes on from what the gateway made of it so far."""
    STEP_BY_STEP.add(act)
    return act


@comes_to(2000, 20_000_000)
async def first_payment(life: Life) -> None:
    await life.buy(2000)


@comes_to(2000, 20_000_000)
async def declined_and_paid_with_another_card(life: Life) -> None:
    await life.order(2000)
    assert not await life.pay(customers.NO_FUNDS)
    await life.pay()


@comes_to(0, 0)
async def never_paid(life: Life) -> None:
    await life.order(2000)
    await life.pass_days(2)


@comes_to(2000, 20_000_000)
async def paid_by_a_bank_debit_that_comes_days_later(life: Life) -> None:
    await life.order(2000)
    page = life.session["id"]
    checkout.pay_later(life.stripe.account, page)
    await life.pass_days(3)
    assert (await life.outcome()).micros == 0
    checkout.arrive(life.stripe.account, page, is_paid=True)
    await life.hear()


@comes_to(0, 0)
async def bank_debit_that_does_not_come(life: Life) -> None:
    await life.order(2000)
    checkout.pay_later(life.stripe.account, life.session["id"])
    checkout.arrive(life.stripe.account, life.session["id"], is_paid=False)
    await life.hear()


@comes_to(0, 0)
async def refunded(life: Life) -> None:
    await life.buy(2000)
    await life.refund(2000)


# 666 of 1000 cents are gone, and 10,000,000 x 666 / 1000 of the credit.
@comes_to(334, 3_340_000)
async def refunded_twice_by_a_third(life: Life) -> None:
    await life.buy(1000)
    await life.refund(333)
    await life.refund(333)


@comes_to(1999, 19_990_000)
async def refunded_by_a_cent(life: Life) -> None:
    await life.buy(2000)
    await life.refund(1)


# $15.00 of the $20.00 are spent when all of it goes back.
@comes_to(0, 15_000_000, owed_micros=15_000_000)
@step_by_step
async def refunded_after_it_was_spent(life: Life) -> None:
    await life.buy(2000)
    await life.spend(1_000_000 + 1500)
    await life.refund(2000)


# The next payment of $20.00 pays the $15.00 first.
@comes_to(2000, 20_000_000)
@step_by_step
async def refunded_after_it_was_spent_and_paid_again(life: Life) -> None:
    await life.buy(2000)
    await life.spend(1_000_000 + 1500)
    await life.refund(2000)
    await life.buy(2000)


@comes_to(2000, 20_000_000)
async def refund_that_failed(life: Life) -> None:
    await life.buy(2000)
    made = await life.refund(2000)
    refunds.settle(life.stripe.account, made["id"], "failed")
    await life.hear()


@comes_to(1500, 15_000_000)
async def refund_that_was_pending(life: Life) -> None:
    await life.buy(2000, customers.REFUND_PENDING)
    made = await life.refund(500)
    refunds.settle(life.stripe.account, made["id"])
    await life.hear()


# Of 500 and 700 cents the first came back to us.
@comes_to(1300, 13_000_000)
async def two_refunds_of_which_one_failed(life: Life) -> None:
    await life.buy(2000)
    first = await life.refund(500)
    await life.refund(700)
    refunds.settle(life.stripe.account, first["id"], "failed")
    await life.hear()


@comes_to(2000, 20_000_000)
async def dispute_won(life: Life) -> None:
    await life.buy(2000)
    made = refunds.dispute(life.stripe.account, life.charge["id"])
    await life.hear()
    assert (await life.outcome()).micros == 0
    refunds.close_dispute(life.stripe.account, made["id"], is_won=True)
    await life.hear()


@comes_to(0, 0)
async def dispute_lost(life: Life) -> None:
    await life.buy(2000)
    made = refunds.dispute(life.stripe.account, life.charge["id"])
    await life.hear()
    refunds.close_dispute(life.stripe.account, made["id"], is_won=False)
    await life.hear()


@comes_to(0, 0)
async def part_refunded_and_the_rest_disputed(life: Life) -> None:
    await life.buy(2000)
    await life.refund(500)
    made = refunds.dispute(life.stripe.account, life.charge["id"], 1500)
    refunds.close_dispute(life.stripe.account, made["id"], is_won=False)
    await life.hear()


# The bank takes what was refunded before: it costs us twice, and the payer's credit once.
@comes_to(-2000, 0)
async def refunded_and_disputed_all_the_same(life: Life) -> None:
    await life.buy(2000)
    await life.refund(2000)
    made = refunds.dispute(life.stripe.account, life.charge["id"], 2000)
    refunds.close_dispute(life.stripe.account, made["id"], is_won=False)
    await life.hear()


@comes_to(3000, 30_000_000, status="active")
async def renewed_twice(life: Life) -> None:
    await life.subscribe()
    await life.pass_days(MONTH_DAYS)
    await life.pass_days(MONTH_DAYS)


# Twelve months of 10,000 credits at once.
@comes_to(10_000, 120_000_000, status="active")
async def a_year_of_it(life: Life) -> None:
    await life.subscribe(interval="year")
    await life.pass_days(MONTH_DAYS)


# 10.00, and 10.00 with 20 % on top.
@comes_to(2200, 20_000_000, status="active")
async def tax_from_the_second_month(life: Life) -> None:
    await life.subscribe()
    rate = catalog.make_tax_rate(life.stripe.account, decoded("display_name=VAT&percentage=20"))
    await life.change(f"default_tax_rates[0]={rate['id']}")
    await life.pass_days(MONTH_DAYS)


# 10.00, 7.50 and 10.00: the discount is the operator's gift.
@comes_to(2750, 30_000_000, status="active")
async def quarter_off_once(life: Life) -> None:
    await life.subscribe()
    await discount(life, "percent_off=25&duration=once")
    await life.pass_days(MONTH_DAYS)
    await life.pass_days(MONTH_DAYS)


@comes_to(1000, 30_000_000, status="active")
async def free_for_ever_after(life: Life) -> None:
    await life.subscribe()
    await discount(life, "percent_off=100&duration=forever")
    await life.pass_days(MONTH_DAYS)
    await life.pass_days(MONTH_DAYS)


# 10.00, and 10.00 of which 3.00 lie at Stripe.
@comes_to(1700, 20_000_000, status="active")
async def customer_balance_pays_a_part(life: Life) -> None:
    await life.subscribe()
    customers.adjust_balance(life.stripe.account, life.customer, -300)
    await life.pass_days(MONTH_DAYS)


@comes_to(1000, 20_000_000, status="active")
async def customer_balance_pays_all(life: Life) -> None:
    await life.subscribe()
    customers.adjust_balance(life.stripe.account, life.customer, -1000)
    await life.pass_days(MONTH_DAYS)


# 10.00, and three times 10.00.
@comes_to(4000, 40_000_000, status="active")
async def three_of_it_from_the_second_month(life: Life) -> None:
    await life.subscribe()
    item = life.subscription["items"]["data"][0]["id"]
    await life.change(f"items[0][id]={item}&items[0][quantity]=3&proration_behavior=none")
    await life.pass_days(MONTH_DAYS)


# Half of the month: 15.00 less 5.00, which grants 40,000,000 x 10.00 / 30.00 = 13,333,333.
@comes_to(2000, 23_333_333, status="active")
async def upgraded_at_half(life: Life) -> None:
    await life.subscribe()
    await life.pass_days(15)
    await life.switch("team")


# The same with the next invoice, whose 30.00 grant 40,000,000 as well.
@comes_to(5000, 63_333_333, status="active")
async def upgraded_at_half_billed_with_the_renewal(life: Life) -> None:
    await life.subscribe()
    await life.pass_days(15)
    await life.switch("team", "create_prorations")
    await life.pass_days(16)


# 5.00 less 15.00 stay at Stripe, and pay the renewal of 10.00.
@comes_to(3000, 50_000_000, status="active")
async def downgraded_at_half(life: Life) -> None:
    await life.subscribe("team")
    await life.pass_days(15)
    await life.switch("pro")
    await life.pass_days(16)


@comes_to(3000, 50_000_000, status="active")
async def downgraded_at_half_billed_with_the_renewal(life: Life) -> None:
    await life.subscribe("team")
    await life.pass_days(15)
    await life.switch("pro", "create_prorations")
    await life.pass_days(16)


# No proration: the downgrade begins with the next period.
@comes_to(4000, 50_000_000, status="active")
async def downgraded_from_the_next_period(life: Life) -> None:
    await life.subscribe("team")
    await life.pass_days(15)
    await life.switch("pro", "none")
    await life.pass_days(16)


# Up at half: 10.00, which grants 13,333,333. Down with 12 of 30 days left: 4.00 less 12.00, 8.00 stay
# at Stripe. Up with 9 left: 9.00 less 3.00, paid out of the 8.00, grants nothing. The renewal of 30.00
# costs 28.00, since 2.00 are left there, and grants 40,000,000. (Of two changes of plans that are told in
# the wrong order, the one that gives back counts for the next change only.)
@comes_to(4800, 63_333_333, status="active")
@step_by_step
async def upgraded_spent_downgraded_and_upgraded_again(life: Life) -> None:
    await life.subscribe()
    await life.pass_days(15)
    await life.switch("team")
    await life.spend(2333)
    await life.pass_days(3)
    await life.switch("pro")
    await life.pass_days(3)
    await life.switch("team")
    await life.pass_days(10)


@comes_to(2000, 20_000_000, status="active")
@step_by_step
async def past_due_and_paid(life: Life) -> None:
    await life.subscribe()
    customers.replace_card(life.stripe.account, life.customer, customers.DECLINED_LATER)
    await life.pass_days(MONTH_DAYS)
    assert await life.outcome() == Outcome(1000, 10_000_000, status="past_due")
    customers.replace_card(life.stripe.account, life.customer, customers.PAYS)
    await life.pass_days(3)


# Stripe tries after 3, 5 and 7 days more, and gives up.
@comes_to(1000, 10_000_000, status="cancelled")
async def past_due_until_it_ended(life: Life) -> None:
    await life.subscribe()
    customers.replace_card(life.stripe.account, life.customer, customers.DECLINED_LATER)
    await life.pass_days(MONTH_DAYS)
    await life.pass_days(16)


@comes_to(1000, 10_000_000, status="cancelled")
async def cancelled_with_the_period(life: Life) -> None:
    await life.subscribe()
    await life.change("cancel_at_period_end=true")
    await life.pass_days(MONTH_DAYS)


@comes_to(2000, 20_000_000, status="active")
async def cancelled_and_resumed(life: Life) -> None:
    await life.subscribe()
    await life.change("cancel_at_period_end=true")
    await life.pass_days(10)
    await life.change("cancel_at_period_end=false")
    await life.pass_days(21)


@comes_to(1000, 10_000_000, status="cancelled")
async def cancelled_at_once(life: Life) -> None:
    await life.subscribe()
    await life.pass_days(10)
    subscriptions.cancel(life.stripe.account, decoded(""), life.subscription["id"])
    await life.pass_days(21)


@comes_to(2000, 20_000_000, status="active")
@step_by_step
async def cancelled_and_begun_again(life: Life) -> None:
    await life.subscribe()
    subscriptions.cancel(life.stripe.account, decoded(""), life.subscription["id"])
    await life.pass_days(1)
    await life.subscribe()


# A quarter of the second month.
@comes_to(1750, 17_500_000, status="active")
async def renewal_refunded_by_a_part(life: Life) -> None:
    await life.subscribe()
    await life.pass_days(MONTH_DAYS)
    await life.refund(250)


@comes_to(1000, 10_000_000, status="active")
async def renewal_refunded(life: Life) -> None:
    await life.subscribe()
    await life.pass_days(MONTH_DAYS)
    await life.refund(1000)


@comes_to(2000, 20_000_000, status="active")
async def renewal_whose_refund_failed(life: Life) -> None:
    await life.subscribe()
    await life.pass_days(MONTH_DAYS)
    made = await life.refund(1000)
    refunds.settle(life.stripe.account, made["id"], "failed")
    await life.hear()


@comes_to(1000, 10_000_000, status="active")
async def renewal_disputed_and_lost(life: Life) -> None:
    await life.subscribe()
    await life.pass_days(MONTH_DAYS)
    made = refunds.dispute(life.stripe.account, life.charge["id"])
    await life.hear()
    refunds.close_dispute(life.stripe.account, made["id"], is_won=False)
    await life.hear()


# 10.00 and 12.00 were paid; 6.00 of the 12.00 are half of the second month.
@comes_to(1600, 15_000_000, status="active")
async def taxed_renewal_refunded_by_half(life: Life) -> None:
    await tax_from_the_second_month(life)
    await life.refund(600)


@comes_to(1000, 10_000_000, status="active")
async def two_pages_of_which_one_can_be_paid(life: Life) -> None:
    await life.order_plan()
    first = life.session["id"]
    await life.order_plan()
    assert not life.stripe.pay(first)
    await life.pay()


async def discount(life: Life, form: str) -> None:
    coupon = catalog.make_coupon(life.stripe.account, decoded(form))
    await life.change(f"discounts[0][coupon]={coupon['id']}")


EXPECTED = {act.__name__: outcome for act, outcome in LIVES}


async def came_of(lives: Lives, seed: int | None = None) -> dict[str, Outcome]:
    """What each life of the table came to, one after the other at one gateway."""
    came: dict[str, Outcome] = {}
    for act, _ in LIVES:
        life = await lives.begin(seed)
        await act(life)
        came[act.__name__] = await life.outcome()
    assert await lives.findings() == []
    return came


async def test_each_life_costs_and_credits_what_was_worked_out(
    database_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    async with open_lives(database_url, tmp_path, clock) as lives:
        assert await came_of(lives) == EXPECTED


@pytest.mark.long
async def test_the_order_and_the_number_of_events_change_nothing(
    database_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    async with open_lives(database_url, tmp_path, clock) as lives:
        assert await came_of(lives, seed=1) == EXPECTED


@pytest.mark.long
@pytest.mark.one_database
async def test_a_gateway_that_hears_of_a_whole_life_at_its_end_comes_to_the_same(
    database_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    came: dict[str, Outcome] = {}
    async with open_lives(database_url, tmp_path, clock) as lives:
        for act in (act for act, _ in LIVES if act not in STEP_BY_STEP):
            life = await lives.begin(seed=2, is_late=True)
            await act(life)
            await life.hear_all()
            came[act.__name__] = await life.outcome()

    assert came == {name: EXPECTED[name] for name in came}
    assert len(came) == len(LIVES) - len(STEP_BY_STEP)
