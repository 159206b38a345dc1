"""List all operators' pages as rows of the route table."""

from gateway.dashboard.act_pages import ALL_ROUTES
from gateway.dashboard.admin import (
    account_lists,
    accounts,
    audit,
    design,
    home,
    platforms,
    subjects,
    suppliers,
    topup,
)
from gateway.dashboard.sales import (
    documents,
    machine_payments,
    orders,
    providers,
    subscriptions,
)

ADMIN_ROUTES = (
    *home.ROUTES,
    *ALL_ROUTES,
    *design.ROUTES,
    *subjects.ROUTES,
    *topup.ROUTES,
    *suppliers.ROUTES,
    *platforms.ROUTES,
    *providers.ROUTES,
    *orders.ROUTES,
    *documents.ROUTES,
    *machine_payments.ROUTES,
    *accounts.ROUTES,
    *account_lists.ROUTES,
    *subscriptions.ROUTES,
    *audit.ROUTES,
)
