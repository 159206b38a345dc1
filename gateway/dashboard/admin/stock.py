"""Stock: the codes left of each kind, and a form that adds more."""

from collections.abc import Collection, Mapping
from typing import Final

from billing.fulfilment.stock_acts import ADD_CODES, LIST_CODES, LIST_LEVELS, LevelsPage
from billing.topups.platform_rows import list_suppliers
from gateway.dashboard.act_pages import ActPages
from kernel.fields import Page
from store.database import Transaction


async def _suppliers(tx: Transaction, environment: str) -> Mapping[str, Collection[str]]:
    rows = await list_suppliers(tx, environment)
    return {"supplier": [row.id for row in rows if row.kind == "code_stock"]}


LEVELS: Final = ActPages(
    path="/stock",
    title="Stock",
    lead="Codes that suppliers of kind code_stock hand out, each once.",
    empty="Add a supplier of kind code_stock, then take its first codes in below.",
    listed=LIST_LEVELS,
    query=LevelsPage(all=True),
    create=ADD_CODES,
    beside=(("/dashboard/admin/stock/codes", "Codes"),),
    choices=_suppliers,
)
CODES: Final = ActPages(
    path="/stock/codes",
    title="Codes in stock",
    lead="By their last characters, the latest first.",
    empty="Take the first in on the page Stock.",
    listed=LIST_CODES,
    query=Page(),
    beside=(("/dashboard/admin/stock", "Stock"),),
)
ROUTES = (*LEVELS.routes(), *CODES.routes())
