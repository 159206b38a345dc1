"""Lives of single payments. A payment of so many cents is credited with ten thousand times as many micros."""

from tests.billing.lives.table import comes_to
from tests.support.stripe_api import checkout, customers, refunds
from tests.support.stripe_life import Life


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
@comes_to(0, 15_000_000, owed_micros=15_000_000, is_step_by_step=True)
async def refunded_after_it_was_spent(life: Life) -> None:
    await life.buy(2000)
    await life.spend(1_000_000 + 1500)
    await life.refund(2000)


# The next payment of $20.00 pays the $15.00 first.
@comes_to(2000, 20_000_000, is_step_by_step=True)
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
