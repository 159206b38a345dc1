"""Lives of refunds that the operator asks for at our own API: Stripe's word is what counts."""

from tests.billing.lives.table import comes_to
from tests.support.stripe_api import customers, refunds
from tests.support.stripe_life import Life, Outcome


@comes_to(0, 0, is_step_by_step=True)
async def given_back(life: Life) -> None:
    order = await life.buy(2000)
    await life.ask_back(order["id"])


# 5.00 and 3.00 of 20.00.
@comes_to(1200, 12_000_000, is_step_by_step=True)
async def given_back_in_two_parts(life: Life) -> None:
    order = await life.buy(2000)
    await life.ask_back(order["id"], amount=500)
    await life.ask_back(order["id"], amount=300)


@comes_to(0, 0, is_step_by_step=True)
async def given_back_though_the_answer_was_lost(life: Life) -> None:
    order = await life.buy(2000)
    life.stripe.faults.add("lost", "/v1/refunds", times=3, method="POST")
    await life.ask_back(order["id"])
    await life.pass_days(0.5)
    await life.pass_days(0.5)


@comes_to(2000, 20_000_000, is_step_by_step=True)
async def given_back_and_sent_back_by_the_bank(life: Life) -> None:
    order = await life.buy(2000, customers.REFUND_FAILS)
    await life.ask_back(order["id"])
    assert await life.outcome() == Outcome(0, 0)
    refunds.settle(life.stripe.account, life.stripe.account.every("refund")[-1]["id"], "failed")
    await life.hear()


@comes_to(1500, 15_000_000, is_step_by_step=True)
async def given_back_in_part_days_later(life: Life) -> None:
    order = await life.buy(2000, customers.REFUND_PENDING)
    await life.ask_back(order["id"], amount=500)
    refunds.settle(life.stripe.account, life.stripe.account.every("refund")[-1]["id"])
    await life.pass_days(1)


# The test credit is used up, and the 20.00 are held from the approval on: nobody uses them meanwhile.
@comes_to(0, 0, is_step_by_step=True)
async def tried_to_be_spent_before_it_was_given_back(life: Life) -> None:
    order = await life.buy(2000, customers.REFUND_PENDING)
    await life.spend(1_000_000)
    await life.ask_back(order["id"])
    await life.spend(1, status=402)
    refunds.settle(life.stripe.account, life.stripe.account.every("refund")[-1]["id"])
    await life.hear()


# What is used up is not refunded unless the operator says so.
@comes_to(2000, 20_000_000, is_step_by_step=True)
async def not_given_back_once_it_was_spent(life: Life) -> None:
    order = await life.buy(2000)
    await life.spend(1_000_000 + 1500)
    await life.ask_back(order["id"], status=402)


@comes_to(0, 0, status="active", is_step_by_step=True)
async def first_month_given_back(life: Life) -> None:
    order = await life.order_plan()
    await life.pay()
    await life.ask_back(order)
