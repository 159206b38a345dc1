"""Prices of tokens, and their changes."""

from typing import Final

from billing.usage.price_acts import (
    IMPORT_PRICES,
    LIST_HISTORY,
    LIST_PRICES,
    SET_PRICE,
    WITHDRAW_PRICE,
    HistoryQuery,
    PriceQuery,
)
from gateway.dashboard.act_pages import ActPages

_PRICES: Final = ActPages(
    path="/prices",
    title="Prices",
    lead=(
        "What 1,000,000 tokens of each model cost. Each change is a new version; what was charged before"
        " keeps its price. A model that no entry fits is refused."
    ),
    empty="Until the first one, usage is charged by amounts only.",
    listed=LIST_PRICES,
    query=PriceQuery(),
    create=SET_PRICE,
    also=(IMPORT_PRICES,),
    buttons=(WITHDRAW_PRICE,),
    beside=(("/dashboard/admin/prices/history", "Changes"),),
)
_HISTORY: Final = ActPages(
    path="/prices/history",
    title="Changes of prices",
    lead="Each version of the list, the newest first.",
    empty="A change of a price stands here.",
    listed=LIST_HISTORY,
    query=HistoryQuery(),
    filters=("model",),
    beside=(("/dashboard/admin/prices", "Prices"),),
)
ROUTES = (*_PRICES.routes(), *_HISTORY.routes())
