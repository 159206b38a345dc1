"""Money without credit, and credit without money."""

from typing import Final

from billing.payments.order_acts import LIST_PROBLEMS, ProblemsQuery
from gateway.dashboard.act_pages import ActPages
from gateway.dashboard.sales.orders import PATH

PAGES: Final = ActPages(
    path="",
    title="Review",
    lead="Where money and credit do not meet. An order's page shows why, and takes the decision.",
    empty="An amount that does not fit its order, or a second payment, would stand here.",
    listed=LIST_PROBLEMS,
    query=ProblemsQuery(),
    filters=("kind", "reason"),
    own_address=f"{PATH}/",
    beside=(("/dashboard/admin/events", "Provider events"),),
)
ROUTES = PAGES.routes()
