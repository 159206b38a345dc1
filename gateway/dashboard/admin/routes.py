"""Every page of the operator's, as rows of the route table."""

from gateway.dashboard.admin import (
    accounts,
    audit,
    batches,
    checkin,
    events,
    platforms,
    stock,
    suppliers,
    topup,
    topups,
)
from gateway.dashboard.sales import (
    coupons,
    margin,
    orders,
    packs,
    plans,
    prices,
    providers,
    reconciliation,
    review,
    subscriptions,
)

ADMIN_ROUTES = (
    *review.ROUTES,
    *topups.ROUTES,
    *topup.ROUTES,
    *suppliers.ROUTES,
    *platforms.ROUTES,
    *stock.ROUTES,
    *margin.ROUTES,
    *reconciliation.ROUTES,
    *providers.ROUTES,
    *orders.ROUTES,
    *events.ROUTES,
    *accounts.ROUTES,
    *packs.ROUTES,
    *plans.ROUTES,
    *prices.ROUTES,
    *subscriptions.ROUTES,
    *coupons.ROUTES,
    *batches.ROUTES,
    *checkin.ROUTES,
    *audit.ROUTES,
)
