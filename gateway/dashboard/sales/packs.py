"""Packs."""

from typing import Final

from billing.catalog.pack_acts import CREATE_PACK, DISABLE_PACK, ENABLE_PACK, LIST_PACKS, PackQuery
from gateway.dashboard.act_pages import ActPages

PAGES: Final = ActPages(
    path="/packs",
    title="Packs",
    lead="Amounts of credit that payers buy as one. Orders keep what they were made from.",
    empty="Without a pack, payers still buy by the amount. Create the first below.",
    listed=LIST_PACKS,
    query=PackQuery(all=True),
    create=CREATE_PACK,
    buttons=(DISABLE_PACK, ENABLE_PACK),
)
ROUTES = PAGES.routes()
