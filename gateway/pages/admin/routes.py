"""Every page of the operator's, as rows of the route table."""

from gateway.pages.admin import (
    accounts,
    batches,
    checkin,
    coupons,
    events,
    orders,
    packs,
    review,
)

ADMIN_ROUTES = (
    *review.ROUTES,
    *orders.ROUTES,
    *events.ROUTES,
    *accounts.ROUTES,
    *packs.ROUTES,
    *coupons.ROUTES,
    *batches.ROUTES,
    *checkin.ROUTES,
)
