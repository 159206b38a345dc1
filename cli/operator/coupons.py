"""`topup coupons`: what lowers an order's price."""

from billing.catalog.coupon_acts import ACTS
from cli.acts.command import group_of

coupons = group_of(
    "coupons", "Codes that lower an order's price; staging and live have their own.", ACTS
)
