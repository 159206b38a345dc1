"""Lives of plans that their payers steer at our own API, and of trials. Prices as in plan_lives.py; the plan
tryout has seven days and 1,000 credits before its first payment of $10.00 for 10,000 credits.
"""

from tests.billing.lives.table import MONTH_DAYS, comes_to
from tests.support.stripe_api import customers, invoices, subscriptions
from tests.support.stripe_api.params import decoded
from tests.support.stripe_life import Life, Outcome


# Half of the month: 15.00 less 5.00, which grants 40,000,000 x 10.00 / 30.00 = 13,333,333.
@comes_to(2000, 23_333_333, status="active", is_step_by_step=True)
async def changed_up(life: Life) -> None:
    await life.subscribe()
    await life.pass_days(15)
    await life.steer("change", plan_id="team")


@comes_to(2000, 23_333_333, status="active", is_step_by_step=True)
async def changed_up_though_the_answer_was_lost(life: Life) -> None:
    await life.subscribe()
    await life.pass_days(15)
    life.stripe.faults.add("lost", "/v1/subscriptions/", times=3, method="POST")
    await life.steer("change", plan_id="team", status=202)
    await life.pass_days(0.1)


@comes_to(1000, 10_000_000, status="active", is_step_by_step=True)
async def not_changed_up_with_a_card_that_is_declined(life: Life) -> None:
    await life.subscribe()
    await life.pass_days(15)
    customers.replace_card(life.stripe.account, life.customer, customers.DECLINED_LATER)
    await life.steer("change", plan_id="team", status=402)
    await life.pass_days(1)


# The cheaper plan from the next period on: 30.00 and 10.00.
@comes_to(4000, 50_000_000, status="active", is_step_by_step=True)
async def changed_down(life: Life) -> None:
    await life.subscribe("team")
    await life.pass_days(15)
    await life.steer("change", plan_id="pro")
    await life.pass_days(16)


# 100.00 for 120,000 credits, and 10.00 for 10,000 once the year is over. Its end, which was chosen
# meanwhile and taken back, forgets the month; it is chosen again.
@comes_to(11_000, 130_000_000, status="active", is_step_by_step=True)
async def a_year_that_becomes_a_month(life: Life) -> None:
    await life.subscribe(interval="year")
    await life.pass_days(15)
    await life.steer("change", plan_id="pro", interval="month")
    await life.steer("cancel", at="period_end")
    await life.steer("resume")
    life.stripe.faults.add("lost", "/v1/subscription_schedules", times=3, method="POST")
    await life.steer("change", plan_id="pro", interval="month", status=202)
    await life.pass_days(0.1)
    await life.pass_days(352)


# The month is called off: the second year costs and grants what the first did.
@comes_to(20_000, 240_000_000, status="active", is_step_by_step=True)
async def a_year_that_stays_one(life: Life) -> None:
    await life.subscribe(interval="year")
    await life.pass_days(15)
    await life.steer("change", plan_id="pro", interval="month")
    await life.steer("change", plan_id="pro", interval="year")
    await life.pass_days(352)


# Up at half: 10.00 for 13,333,333. It is spent, and down again: nothing comes back, and the renewal
# costs and grants what pro does.
@comes_to(3000, 33_333_333, status="active", is_step_by_step=True)
async def changed_up_spent_and_changed_down(life: Life) -> None:
    await life.subscribe()
    await life.pass_days(15)
    await life.steer("change", plan_id="team")
    await life.spend(1_000_000 + 2333)
    await life.steer("change", plan_id="pro")
    await life.pass_days(16)


@comes_to(1000, 10_000_000, status="cancelled", is_step_by_step=True)
async def ended_with_its_period(life: Life) -> None:
    await life.subscribe()
    await life.steer("cancel", at="period_end")
    await life.pass_days(MONTH_DAYS)


@comes_to(2000, 20_000_000, status="active", is_step_by_step=True)
async def ended_and_resumed(life: Life) -> None:
    await life.subscribe()
    await life.steer("cancel", at="period_end")
    await life.pass_days(10)
    await life.steer("resume")
    await life.pass_days(21)


# Two months are voided, the third is charged.
@comes_to(2000, 20_000_000, status="active", is_step_by_step=True)
async def paused_and_resumed(life: Life) -> None:
    await life.subscribe()
    await life.steer("pause")
    await life.pass_days(62)
    assert await life.outcome() == Outcome(1000, 10_000_000, status="paused")
    await life.steer("resume")
    await life.pass_days(31)


# Stripe's own dashboard, and its own end of the pause, 45 days later.
@comes_to(2000, 20_000_000, status="active")
async def paused_at_stripe_until_a_time(life: Life) -> None:
    await life.subscribe()
    resumes_at = life.stripe.account.now_s + 45 * 86_400
    await life.change(f"pause_collection[behavior]=void&pause_collection[resumes_at]={resumes_at}")
    await life.pass_days(40)
    await life.pass_days(22)


# The event that ended it never came: the worker asks.
@comes_to(1000, 10_000_000, status="active", is_step_by_step=True)
async def paused_at_stripe_and_its_end_unheard(life: Life) -> None:
    await life.subscribe()
    resumes_at = life.stripe.account.now_s + 10 * 86_400
    await life.change(f"pause_collection[behavior]=void&pause_collection[resumes_at]={resumes_at}")
    life.stripe.pass_time(11 * 86_400)
    life.stripe.news()
    life.clock.advance_s(11 * 86_400)
    await life.look()


# Whoever got the months free does not pay for them later, and has no credit for them.
@comes_to(1000, 10_000_000, status="paused")
async def paused_at_stripe_and_given_up(life: Life) -> None:
    await life.subscribe()
    await life.change("pause_collection[behavior]=mark_uncollectible")
    await life.pass_days(62)


# The draft that was kept is finalised after the pause, and paid.
@comes_to(2000, 20_000_000, status="active", is_step_by_step=True)
async def paused_at_stripe_and_its_draft_paid_later(life: Life) -> None:
    await life.subscribe()
    await life.change("pause_collection[behavior]=keep_as_draft")
    await life.pass_days(40)
    await life.change("pause_collection=")
    account = life.stripe.account
    draft = next(one for one in account.every("invoice") if one["status"] == "draft")
    invoices.finalize(account, draft)
    subscriptions.collect(account, life.subscription, draft)
    await life.hear()


# Stripe's word of the end never came: whoever wants it to go on hears it from Stripe's own answer.
@comes_to(1000, 10_000_000, status="cancelled", is_step_by_step=True)
async def ended_there_unheard_and_wanted_again(life: Life) -> None:
    await life.subscribe()
    await life.steer("cancel", at="period_end")
    subscriptions.cancel(life.stripe.account, decoded(""), life.subscription["id"])
    life.stripe.news()
    await life.steer("resume", status=409)


@comes_to(1000, 10_000_000, status="cancelled", is_step_by_step=True)
async def ended_at_once(life: Life) -> None:
    await life.subscribe()
    await life.steer("cancel", at="now")
    await life.pass_days(MONTH_DAYS)


# 1,000 credits for nothing, then 10,000 for 10.00.
@comes_to(1000, 11_000_000, status="active")
async def tried_and_paid(life: Life) -> None:
    await life.subscribe("tryout")
    await life.pass_days(8)


@comes_to(0, 1_000_000, status="cancelled", is_step_by_step=True)
async def tried_and_left(life: Life) -> None:
    await life.subscribe("tryout")
    await life.steer("cancel", at="period_end")
    await life.pass_days(8)


@comes_to(1000, 11_000_000, status="active", is_step_by_step=True)
async def tried_and_paid_once_the_card_was_replaced(life: Life) -> None:
    await life.subscribe("tryout")
    customers.replace_card(life.stripe.account, life.customer, customers.DECLINED_LATER)
    await life.pass_days(8)
    assert await life.outcome() == Outcome(0, 1_000_000, status="past_due")
    customers.replace_card(life.stripe.account, life.customer, customers.PAYS)
    await life.pass_days(3)


# An account has one trial: the second time it pays at once.
@comes_to(1000, 11_000_000, status="active", is_step_by_step=True)
async def tried_left_and_back_again(life: Life) -> None:
    await life.subscribe("tryout")
    await life.steer("cancel", at="now")
    await life.pass_days(1)
    await life.subscribe("tryout")
