"""List due webhooks, workers, queued calls, unanswered recharges and proofs of the ledger."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Final

from billing.checkpoints.proving import last_verified
from billing.ledger.proof import LedgerProof, list_proofs
from billing.payments.unanswered import UNANSWERED_US
from billing.proof.audit import rules
from billing.recharges.recharge import FallCharge, list_open
from billing.records.sealing import record_standing
from gateway.dashboard.admin.fields import admin_route
from gateway.dashboard.sheet import Sheet, short_page
from gateway.html.render import page
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.fields import Fields
from runtime.processes.presence import WorkerPresence, list_workers
from store.database import Transaction
from webhooks.deliveries.backlog import COUNTED_MAX, DueEndpoint, list_due

_RECHARGES_MAX: Final = 200
_DUE: Final = Sheet[DueEndpoint](
    "webhooks-due",
    (
        *("endpoint_id", "account_id", "account_name", "environment", "address", "due", "due_at"),
        *("claimed_at", "failing_since_at", "http_status", "error"),
    ),
    cursor=attrgetter("endpoint_id"),
)
_WORKERS: Final = Sheet[WorkerPresence](
    "workers",
    ("id", "machine", "process_id", "version", "started_at", "seen_at", "sending", "slots"),
)
_UNANSWERED: Final = Sheet[FallCharge](
    "recharges-not-answered",
    ("order_id", "account_id", "amount_cents", "method", "asked", "created_at", "next_at"),
    cursor=attrgetter("order_id"),
)
_PROOFS: Final = Sheet[LedgerProof](
    "ledger-proofs",
    ("id", "began_at", "ended_at", "findings", "is_full", "live_day", "staging_day"),
)


async def show_due(call: RequestContext[Fields, Fields]) -> Reply:

    async def read(tx: Transaction) -> Sequence[DueEndpoint]:
        return await list_due(tx, now_us=call.now_us)

    return await short_page(call, "admin/due.html", _DUE, read, counted_max=COUNTED_MAX)


async def show_workers(call: RequestContext[Fields, Fields]) -> Reply:
    return await short_page(call, "admin/workers.html", _WORKERS, list_workers)


async def show_line(call: RequestContext[Fields, Fields]) -> Reply:
    return page(call, "admin/line.html", depth=call.context.engine.depth)


async def show_recharges(call: RequestContext[Fields, Fields]) -> Reply:
    environment, before_us = call.principal.environment, call.now_us - UNANSWERED_US

    async def read(tx: Transaction) -> Sequence[FallCharge]:
        return await list_open(tx, environment, before_us=before_us, limit=_RECHARGES_MAX)

    return await short_page(call, "admin/unanswered.html", _UNANSWERED, read)


async def show_proofs(call: RequestContext[Fields, Fields]) -> Reply:
    verified = await call.context.database.read(last_verified)
    records = await call.context.database.read(record_standing)
    return await short_page(
        call,
        "admin/proofs.html",
        _PROOFS,
        list_proofs,
        verified=verified,
        records=records,
        rules=rules(),
    )


ROUTES = (
    admin_route("GET", "/due", show_due, "Webhook deliveries due"),
    admin_route("GET", "/workers", show_workers, "Workers"),
    admin_route("GET", "/line", show_line, "Calls in line"),
    admin_route("GET", "/unanswered", show_recharges, "Recharges not answered"),
    admin_route("GET", "/proofs", show_proofs, "When the ledger was proved"),
)
