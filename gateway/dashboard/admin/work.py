"""The lists behind the figures of the operator's home that are of no subject of their own: what is due and who sends it,
calls in line, recharges that nobody answered, and looks at the whole ledger.
"""

from typing import Final

from billing.ledger.audit import rules
from billing.ledger.proof import list_proofs
from billing.payments.unanswered import UNANSWERED_US
from billing.recharges.records import list_open
from gateway.dashboard.admin.fields import admin_route
from gateway.html.render import page
from gateway.http.fields import Fields
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from runtime.processes.presence import list_workers
from webhooks.deliveries.backlog import COUNTED_MAX
from webhooks.deliveries.due_list import list_due

_RECHARGES_MAX: Final = 200


async def show_due(call: RequestContext[Fields, Fields]) -> Reply:
    """Endpoints with webhooks due, of both environments: the longest due first."""
    found = await call.context.database.read(lambda tx: list_due(tx, now_us=call.now_us))
    return page(call, "admin/due.html", endpoints=found, counted_max=COUNTED_MAX)


async def show_workers(call: RequestContext[Fields, Fields]) -> Reply:
    """The workers of the last day, and which of them are there."""
    found = await call.context.database.read(list_workers)
    return page(call, "admin/workers.html", workers=found)


async def show_line(call: RequestContext[Fields, Fields]) -> Reply:
    """What waits in this gateway for its next commit, and where the figure is kept."""
    return page(call, "admin/line.html", depth=call.context.engine.depth)


async def show_recharges(call: RequestContext[Fields, Fields]) -> Reply:
    """Charges of this environment that a provider has not answered for an hour, the oldest first."""
    environment, before_us = call.principal.environment, call.now_us - UNANSWERED_US
    charges = await call.context.database.read(
        lambda tx: list_open(tx, environment, before_us=before_us, limit=_RECHARGES_MAX)
    )
    return page(call, "admin/unanswered.html", charges=charges)


async def show_proofs(call: RequestContext[Fields, Fields]) -> Reply:
    """The last looks at the whole ledger, and the rules that they hold it against."""
    found = await call.context.database.read(list_proofs)
    return page(call, "admin/proofs.html", proofs=found, rules=rules())


ROUTES = (
    admin_route("GET", "/due", show_due, "Webhook deliveries due"),
    admin_route("GET", "/workers", show_workers, "Workers"),
    admin_route("GET", "/line", show_line, "Calls in line"),
    admin_route("GET", "/unanswered", show_recharges, "Recharges not answered"),
    admin_route("GET", "/proofs", show_proofs, "When the ledger was proved"),
)
