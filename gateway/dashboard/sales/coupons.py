"""Coupons."""

from typing import Final

from billing.catalog.coupon_acts import CREATE_COUPON, DISABLE_COUPON, ENABLE_COUPON, LIST_COUPONS
from gateway.dashboard.act_pages import ActPages
from kernel.fields import Page

PAGES: Final = ActPages(
    path="/coupons",
    title="Coupons",
    lead="Codes that lower an order's price. The credit they pay for is promotional.",
    empty="Create the first below; payers type its code when they buy.",
    listed=LIST_COUPONS,
    query=Page(),
    create=CREATE_COUPON,
    buttons=(DISABLE_COUPON, ENABLE_COUPON),
)
ROUTES = PAGES.routes()
