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
    platforms,
    review,
    stock,
    subscriptions,
    suppliers,
    topup,
    topups,
)

ADMIN_ROUTES = (
    *review.ROUTES,
    *topups.ROUTES,
    *topup.ROUTES,
    *suppliers.ROUTES,
    *platforms.ROUTES,
    *stock.ROUTES,
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
