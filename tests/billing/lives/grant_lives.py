"""Lives of plans whose credit comes in parts or ends. Each costs $10.00 a month for 10,000 credits: drip gives a
year's in twelve parts, fresh's ends with its period, and of rolling's up to 4,000 go on into the next one.
"""

from tests.billing.lives.table import MONTH_DAYS, comes_to
from tests.support.stripe_life import Life


# A year for 100.00, of which two months have come.
@comes_to(10_000, 20_000_000, status="active", is_step_by_step=True)
async def a_year_in_parts(life: Life) -> None:
    await life.subscribe("drip", "year")
    await life.pass_days(MONTH_DAYS)


# What has come of it is taken back, and nothing more comes.
@comes_to(0, 0, status="active", is_step_by_step=True)
async def a_year_in_parts_refunded(life: Life) -> None:
    await life.subscribe("drip", "year")
    await life.pass_days(MONTH_DAYS)
    await life.refund(10_000)
    await life.pass_days(MONTH_DAYS)


# 4,000 credits are used, 6,000 end with the first month, and 10,000 are new.
@comes_to(2000, 14_000_000, status="active", is_step_by_step=True)
async def what_is_left_ends_with_its_month(life: Life) -> None:
    await life.subscribe("fresh")
    await life.spend(400)
    await life.pass_days(MONTH_DAYS)


# Of the 6,000 that are left 4,000 go on.
@comes_to(2000, 18_000_000, status="active", is_step_by_step=True)
async def what_is_left_goes_on_in_part(life: Life) -> None:
    await life.subscribe("rolling")
    await life.spend(400)
    await life.pass_days(MONTH_DAYS)
