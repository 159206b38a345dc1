"""The pages as rows of the route table: those for anybody, and the dashboard."""

from gateway.pages import (
    account,
    approvals,
    apps,
    checkout,
    consent,
    deliveries,
    grants,
    keys,
    landing,
    overview,
    replays,
    send,
    sign_in,
    sign_up,
    statement,
    topups,
    vouchers,
    webhooks,
)
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
ENTRY = Surface("", (*landing.ROUTES, *sign_in.ROUTES, *sign_up.ROUTES, *checkout.ROUTES), refuse)
PAGES = (DASHBOARD, ENTRY, consent.SURFACE)
