"""The pages as rows of the route table: those for anybody, and the dashboard."""

from gateway.pages import account, overview, sign_in, sign_up
from gateway.pages.refused import refuse
from gateway.routing import Surface

DASHBOARD = Surface(
    "/dashboard",
    (
        *overview.ROUTES,
        *account.ROUTES,
        *sign_in.DASHBOARD_ROUTES,
    ),
    refuse,
)
ENTRY = Surface("", (*sign_in.ROUTES, *sign_up.ROUTES), refuse)
PAGES = (DASHBOARD, ENTRY)
