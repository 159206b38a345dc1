"""Every page of the operator's, as rows of the route table."""

from gateway.dashboard.admin import (
    accounts,
    audit,
    batches,
    checkin,
    coupons,
    events,
    orders,
    packs,
    plans,
    review,
    subscriptions,
)

ADMIN_ROUTES = (
    *review.ROUTES,
    *orders.ROUTES,
    *events.ROUTES,
    *accounts.ROUTES,
    *packs.ROUTES,
    *plans.ROUTES,
    *subscriptions.ROUTES,
    *coupons.ROUTES,
    *batches.ROUTES,
    *checkin.ROUTES,
    *audit.ROUTES,
)
