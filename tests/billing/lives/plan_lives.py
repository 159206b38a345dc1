"""Lives of plans. Pro costs $10.00 a month for 10,000 credits ($100.00 a year), team $30.00 for 40,000; a
credit is 1,000 micros. Each begins on the first day of a month of 30 days.
"""

from tests.billing.lives.table import MONTH_DAYS, comes_to
from tests.support.stripe_api import catalog, customers, refunds, subscriptions
from tests.support.stripe_api.params import decoded
from tests.support.stripe_life import Life, Outcome


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
# costs 28.00, since 2.00 are left there, and grants 40,000,000.
@comes_to(4800, 63_333_333, status="active")
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


@comes_to(2000, 20_000_000, status="active", is_step_by_step=True)
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


@comes_to(2000, 20_000_000, status="active", is_step_by_step=True)
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


@comes_to(2000, 20_000_000, status="active")
async def renewal_disputed_and_won(life: Life) -> None:
    await life.subscribe()
    await life.pass_days(MONTH_DAYS)
    made = refunds.dispute(life.stripe.account, life.charge["id"])
    await life.hear()
    refunds.close_dispute(life.stripe.account, made["id"], is_won=True)
    await life.hear()


# Up at half: 10.00 for 13,333,333, of which 5.00 go back: 6,666,667, rounded up.
@comes_to(1500, 16_666_666, status="active")
async def upgrade_refunded_by_half(life: Life) -> None:
    await upgraded_at_half(life)
    await life.refund(500)


# Two of it for half of the month: 10.00 less 5.00, which grants 10,000,000 x 5.00 / 10.00.
@comes_to(1500, 15_000_000, status="active")
async def two_of_it_from_half_on(life: Life) -> None:
    await life.subscribe()
    await life.pass_days(15)
    item = life.subscription["items"]["data"][0]["id"]
    await life.change(f"items[0][id]={item}&items[0][quantity]=2&proration_behavior=always_invoice")


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
