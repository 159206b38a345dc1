"""Declare the operators' pages that are made only from acts: lists, forms, settings and reports."""

from collections.abc import Collection, Mapping
from typing import Final

from billing.catalog.coupon_acts import CREATE_COUPON, DISABLE_COUPON, ENABLE_COUPON, LIST_COUPONS
from billing.catalog.pack_acts import CREATE_PACK, DISABLE_PACK, ENABLE_PACK, LIST_PACKS, PackQuery
from billing.catalog.plan_acts import (
    CREATE_PLAN,
    DISABLE_PLAN,
    ENABLE_PLAN,
    LIST_PLANS,
    SET_PLAN,
    SHOW_PLAN,
    PlanQuery,
)
from billing.credits.checkin import SET_CHECKIN, SHOW_CHECKIN
from billing.credits.code_acts import (
    CREATE_BATCH,
    DISABLE_BATCH,
    DISABLE_CODE,
    LIST_BATCHES,
    LIST_CODES as LIST_REDEMPTION_CODES,
    CodesQuery,
)
from billing.fulfilment.stock_acts import ADD_CODES, LIST_CODES, LIST_LEVELS, LevelsPage
from billing.payments.order_acts import LIST_PROBLEMS, ProblemsQuery
from billing.reconciliation.acts import (
    CLOSE_DIFFERENCE,
    LIST_DIFFERENCES,
    LIST_PARTS,
    REQUEST_COMPARISON,
    SHOW_DIFFERENCE,
    DifferencesQuery,
)
from billing.reports.report_acts import MARGIN, OUTSTANDING, REVENUE
from billing.topups.platform_rows import list_suppliers
from billing.usage.price_acts import (
    IMPORT_PRICES,
    LIST_HISTORY,
    LIST_PRICES,
    SET_PRICE,
    WITHDRAW_PRICE,
    HistoryQuery,
    PriceQuery,
)
from gateway.dashboard.act_pages import ActPages, ReportPage, SettingsPage
from gateway.dashboard.sales.orders import PATH as ORDERS
from kernel.fields import Page
from store.database import Transaction

_REVIEW: Final = ActPages(
    path="",
    title="Review",
    lead="Payments that need a decision. Each order's page shows the reason and the possible decisions.",
    empty="Payments that don't match their order, and second payments, are listed here.",
    listed=LIST_PROBLEMS,
    query=ProblemsQuery(),
    filters=("kind", "reason"),
    own_address=f"{ORDERS}/",
    beside=(("/dashboard/admin/events", "Provider events"),),
)


async def _suppliers(tx: Transaction, environment: str) -> Mapping[str, Collection[str]]:
    rows = await list_suppliers(tx, environment)
    return {"supplier": [row.id for row in rows if row.kind == "code_stock"]}


_STOCK: Final = ActPages(
    path="/stock",
    title="Stock",
    lead="Codes that suppliers of kind code_stock deliver. Each code is delivered once.",
    empty="Add a supplier of kind code_stock, then add its first codes below.",
    listed=LIST_LEVELS,
    query=LevelsPage(all=True),
    create=ADD_CODES,
    beside=(("/dashboard/admin/stock/codes", "Codes"),),
    choices=_suppliers,
)
_STOCK_CODES: Final = ActPages(
    path="/stock/codes",
    title="Codes in stock",
    lead="Codes are shown by their last characters, newest first.",
    empty="Add the first codes on the page Stock.",
    listed=LIST_CODES,
    query=Page(),
    beside=(("/dashboard/admin/stock", "Stock"),),
)

_REVENUE: Final = ReportPage(
    path="/revenue",
    title="Revenue",
    lead=(
        "Payments by the month in which they were made. A refund is counted in its payment's "
        "month, and shown separately in the month of the refund."
    ),
    empty="There were no payments. Choose another period or environment.",
    act=REVENUE,
    beside=(("/dashboard/admin/outstanding", "Credit"),),
)
_OUTSTANDING: Final = ReportPage(
    path="/outstanding",
    title="Credit",
    lead=(
        "Credit that customers bought and were given, and what happened to it. Breakage is paid "
        "plan credit that expired unused. Expired credit is free credit that expired."
    ),
    empty="No credit moved. Choose another period or environment.",
    act=OUTSTANDING,
    beside=(("/dashboard/admin/revenue", "Revenue"),),
)
_MARGIN: Final = ReportPage(
    path="/margin",
    title="Margin",
    lead=(
        "Delivered top-ups by the time of their delivery: charges, supplier costs, and the "
        "margin of top-ups whose cost is known."
    ),
    empty="Nothing was delivered. Choose another period or environment.",
    act=MARGIN,
    summed=(
        *("topups", "amount_cents", "fee_cents", "charged_cents", "cost_cents"),
        *("margin_cents", "without_cost"),
    ),
)

_DIFFERENCES: Final = ActPages(
    path="/reconciliation",
    title="Reconciliation",
    lead=(
        "The ledger is compared daily with the providers' payments and the suppliers' "
        "deliveries. A difference is listed until both sides agree or an operator closes it."
    ),
    empty="Nothing differs.",
    listed=LIST_DIFFERENCES,
    query=DifferencesQuery(),
    filters=("state",),
    own_address="/dashboard/admin/reconciliation/",
    beside=(("/dashboard/admin/reconciliation/parts", "Comparisons"),),
)
_PARTS: Final = ActPages(
    path="/reconciliation/parts",
    title="Comparisons",
    lead="An unreachable provider delays only its own comparison, which is retried every hour.",
    empty="A worker reconciles within a minute of its start.",
    listed=LIST_PARTS,
    query=Page(),
    create=REQUEST_COMPARISON,
    beside=(("/dashboard/admin/reconciliation", "Differences"),),
)
_DIFFERENCE: Final = SettingsPage(
    path="/reconciliation/{difference_id}",
    title="Difference",
    lead="Close the difference if it can't be resolved. It reopens if its figures change.",
    shown=SHOW_DIFFERENCE,
    change=CLOSE_DIFFERENCE,
    details=(
        *("means", "press", "subject_id", "account_id", "expected", "found", "part", "detail"),
        *("since", "closed_at", "closed_by"),
    ),
    of=_DIFFERENCES,
)

_PACKS: Final = ActPages(
    path="/packs",
    title="Packs",
    lead="Fixed amounts of credit for sale. Changing a pack doesn't change existing orders.",
    empty="Without a pack, payers can still buy any amount. Create the first pack below.",
    listed=LIST_PACKS,
    query=PackQuery(all=True),
    create=CREATE_PACK,
    buttons=(DISABLE_PACK, ENABLE_PACK),
)

_PLANS: Final = ActPages(
    path="/plans",
    title="Plans",
    lead="Credit sold by the month or the year. Changing a plan doesn't change existing subscriptions.",
    empty="Create the first plan below. Accounts find it under Plan.",
    listed=LIST_PLANS,
    query=PlanQuery(all=True),
    create=CREATE_PLAN,
    buttons=(DISABLE_PLAN, ENABLE_PLAN),
    own_address="/dashboard/admin/plans/",
)
_PLAN: Final = SettingsPage(
    path="/plans/{plan_id}",
    title="One plan",
    lead="Your changes apply to new subscriptions.",
    shown=SHOW_PLAN,
    change=SET_PLAN,
    of=_PLANS,
)

_PRICES: Final = ActPages(
    path="/prices",
    title="Prices",
    lead=(
        "The price of 1,000,000 tokens of each model. A change applies to future charges. Models "
        "without a price are refused."
    ),
    empty="Without prices, usage can only be charged by amount.",
    listed=LIST_PRICES,
    query=PriceQuery(),
    create=SET_PRICE,
    also=(IMPORT_PRICES,),
    buttons=(WITHDRAW_PRICE,),
    beside=(("/dashboard/admin/prices/history", "Changes"),),
)
_PRICE_CHANGES: Final = ActPages(
    path="/prices/history",
    title="Price changes",
    lead="Every version of the price list, newest first.",
    empty="Changes of prices are listed here.",
    listed=LIST_HISTORY,
    query=HistoryQuery(),
    filters=("model",),
    beside=(("/dashboard/admin/prices", "Prices"),),
)

_COUPONS: Final = ActPages(
    path="/coupons",
    title="Coupons",
    lead="Codes that lower an order's price. The credit they pay for is promotional.",
    empty="Create the first coupon below. Payers enter its code when they buy.",
    listed=LIST_COUPONS,
    query=Page(),
    create=CREATE_COUPON,
    buttons=(DISABLE_COUPON, ENABLE_COUPON),
)

_CODES: Final = ActPages(
    path="/codes",
    title="Redemption codes",
    lead="A code gives its credit to as many accounts as its uses say, once each. Only a code's last characters are shown.",
    empty="Create a batch of codes first.",
    listed=LIST_REDEMPTION_CODES,
    query=CodesQuery(),
    filters=("batch", "last4"),
    buttons=(DISABLE_CODE,),
)
_BATCHES: Final = ActPages(
    path="/code-batches",
    title="Code batches",
    lead="Redemption codes (TOPUP-…) that were created together, each worth the same amount.",
    empty="Create codes below and hand them out. Anyone who redeems a code gets its credit.",
    listed=LIST_BATCHES,
    query=Page(),
    create=CREATE_BATCH,
    buttons=(DISABLE_BATCH,),
    own_address=f"{_CODES.address}?batch=",
)

_CHECKIN: Final = SettingsPage(
    path="/checkin",
    title="Check-in settings",
    lead="The promotional credit that accounts get for a daily check-in. 1,000 credits are worth $1.00.",
    shown=SHOW_CHECKIN,
    change=SET_CHECKIN,
)

ROUTES = (
    *_REVIEW.routes(),
    *_STOCK.routes(),
    *_STOCK_CODES.routes(),
    *_REVENUE.routes(),
    *_OUTSTANDING.routes(),
    *_MARGIN.routes(),
    *_PARTS.routes(),
    *_DIFFERENCES.routes(),
    *_DIFFERENCE.routes(),
    *_PACKS.routes(),
    *_PLANS.routes(),
    *_PLAN.routes(),
    *_PRICES.routes(),
    *_PRICE_CHANGES.routes(),
    *_COUPONS.routes(),
    *_BATCHES.routes(),
    *_CODES.routes(),
    *_CHECKIN.routes(),
)
