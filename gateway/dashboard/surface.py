"""List all pages as rows of the route table: public, dashboard and operators' pages."""

from gateway.dashboard import landing, listing, overview, own_lists, search
from gateway.dashboard.account import (
    account,
    cli_login,
    consent,
    grants,
    invitation,
    mcp_consent,
    new_password,
    notifications,
    sign_in,
    sign_up,
    team,
    two_factor,
    verify_address,
)
from gateway.dashboard.admin.routes import ADMIN_ROUTES
from gateway.dashboard.developers import (
    apps,
    certification,
    deliveries,
    keys,
    portal_links,
    replays,
    requests,
    webhook_portal,
    webhooks,
)
from gateway.dashboard.money import (
    buy,
    codes,
    orders,
    plan,
    recharge,
    statement,
    usage,
)
from gateway.dashboard.payer import sandbox, status
from gateway.dashboard.recipient import claim, decide, no_mail
from gateway.dashboard.refused import refuse
from gateway.dashboard.topups import approvals, bulk, outbox, send, topups, vouchers
from gateway.http.routing import ApiSurface

DASHBOARD = ApiSurface(
    "/dashboard",
    (
        *overview.ROUTES,
        *search.ROUTES,
        *own_lists.ALL_ROUTES,
        *send.ROUTES,
        *topups.ROUTES,
        *bulk.ROUTES,
        *approvals.ROUTES,
        *vouchers.ROUTES,
        *outbox.ROUTES,
        *statement.ROUTES,
        *buy.ROUTES,
        *orders.ROUTES,
        *plan.ROUTES,
        *recharge.ROUTES,
        *codes.ROUTES,
        *usage.ROUTES,
        *keys.ROUTES,
        *cli_login.ROUTES,
        *webhooks.ROUTES,
        *certification.ROUTES,
        *deliveries.ROUTES,
        *replays.ROUTES,
        *portal_links.ROUTES,
        *requests.ROUTES,
        *account.ROUTES,
        *verify_address.ROUTES,
        *notifications.ROUTES,
        *team.ROUTES,
        *two_factor.ROUTES,
        *listing.VIEW_ROUTES,
        *invitation.ROUTES,
        *grants.ROUTES,
        *apps.ROUTES,
        *sign_in.DASHBOARD_ROUTES,
    ),
    refuse,
)
OPERATOR = ApiSurface("/dashboard/admin", (*search.ADMIN_ROUTES, *ADMIN_ROUTES), refuse)
ENTRY = ApiSurface(
    "",
    (
        *landing.ROUTES,
        *sign_in.ROUTES,
        *sign_up.ROUTES,
        *invitation.OPEN_ROUTES,
        *new_password.ROUTES,
        *verify_address.OPEN_ROUTES,
        *sandbox.ROUTES,
        *status.ROUTES,
        *claim.ROUTES,
        *decide.ROUTES,
        *no_mail.ROUTES,
        *webhook_portal.ROUTES,
    ),
    refuse,
)
PAGES = (
    DASHBOARD,
    OPERATOR,
    ENTRY,
    landing.SURFACE,
    consent.SURFACE,
    mcp_consent.SURFACE,
)
