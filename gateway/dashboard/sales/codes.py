"""Redemption codes and their batches."""

from typing import Final

from billing.credits.code_acts import (
    CREATE_BATCH,
    DISABLE_BATCH,
    DISABLE_CODE,
    LIST_BATCHES,
    LIST_CODES,
    CodesQuery,
)
from gateway.dashboard.act_pages import ActPages
from kernel.fields import Page

CODES: Final = ActPages(
    path="/codes",
    title="Redemption codes",
    lead="Each is worth credit to whoever redeems it first. Only their last characters are known.",
    empty="Create a batch of them first.",
    listed=LIST_CODES,
    query=CodesQuery(),
    filters=("batch", "last4"),
    buttons=(DISABLE_CODE,),
)
BATCHES: Final = ActPages(
    path="/code-batches",
    title="Code batches",
    lead="Redemption codes TOPUP-… that were made together, and are worth the same.",
    empty="Create some below, and hand them out; whoever types one in gets its credit.",
    listed=LIST_BATCHES,
    query=Page(),
    create=CREATE_BATCH,
    buttons=(DISABLE_BATCH,),
    own_address=f"{CODES.address}?batch=",
)
ROUTES = (*BATCHES.routes(), *CODES.routes())
