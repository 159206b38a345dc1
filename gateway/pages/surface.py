"""The pages as rows of the route table: those for anybody, and the dashboard."""

from gateway.pages import (
    account,
    approvals,
    apps,
    buy,
    checkout,
    codes,
    consent,
    deliveries,
    grants,
    keys,
    landing,
    orders,
    overview,
    plan,
    portal,
    replays,
    send,
    sign_in,
    sign_up,
    statement,
    topups,
    usage,
    vouchers,
    webhooks,
)
from gateway.pages.admin.routes import ADMIN_ROUTES
from gateway.pages.refused import refuse
from gateway.routing import Surface

DASHBOARD = Surface(
    "/dashboard",
    (
        *overview.ROUTES,
        *send.ROUTES,
        *topups.ROUTES,
        *approvals.ROUTES,
        *vouchers.ROUTES,
        *statement.ROUTES,
        *buy.ROUTES,
        *orders.ROUTES,
        *plan.ROUTES,
        *codes.ROUTES,
        *usage.ROUTES,
        *keys.ROUTES,
        *webhooks.ROUTES,
        *deliveries.ROUTES,
        *replays.ROUTES,
        *account.ROUTES,
        *grants.ROUTES,
        *apps.ROUTES,
        *sign_in.DASHBOARD_ROUTES,
    ),
    refuse,
)
OPERATOR = Surface("/dashboard/admin", ADMIN_ROUTES, refuse)
ENTRY = Surface(
    "",
    (
        *landing.ROUTES,
        *sign_in.ROUTES,
        *sign_up.ROUTES,
        *checkout.ROUTES,
        *portal.ROUTES,
    ),
    refuse,
)
PAGES = (DASHBOARD, OPERATOR, ENTRY, consent.SURFACE)
