"""Reports: revenue, credit, margin."""

from typing import Final

from billing.reports.report_acts import MARGIN, OUTSTANDING, REVENUE
from gateway.dashboard.act_pages import ReportPage

_REVENUE: Final = ReportPage(
    path="/revenue",
    title="Revenue",
    lead=(
        "Payments by the month in which they were paid. What went back counts in the month of its"
        " payment, and beside it in the month in which it went back."
    ),
    empty="Nothing was paid. Choose another period, or the other environment.",
    act=REVENUE,
    beside=(("/dashboard/admin/outstanding", "Credit"),),
)
_OUTSTANDING: Final = ReportPage(
    path="/outstanding",
    title="Credit",
    lead=(
        "What customers bought and were given, from the ledger, and what became of it. Breakage is"
        " credit of plans that was paid for and ended unused; expired is given credit that ended."
    ),
    empty="No credit moved. Choose another period, or the other environment.",
    act=OUTSTANDING,
    beside=(("/dashboard/admin/revenue", "Revenue"),),
)
_MARGIN: Final = ReportPage(
    path="/margin",
    title="Margin",
    lead=(
        "Delivered top-ups by the time of their delivery: what was charged, what their suppliers took,"
        " and what is left of those whose cost is known."
    ),
    empty="Nothing was delivered. Choose another period, or the other environment.",
    act=MARGIN,
    summed=(
        *("topups", "amount_cents", "fee_cents", "charged_cents", "cost_cents"),
        *("margin_cents", "without_cost"),
    ),
)
ROUTES = (*_REVENUE.routes(), *_OUTSTANDING.routes(), *_MARGIN.routes())
