"""Show operators what needs attention, whether workers are keeping up, and the state of suppliers and providers."""

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Final, NamedTuple

from billing.checkpoints.proving import last_verified
from billing.ledger.proof import LedgerProof, list_proofs
from billing.manual_review.waiting import SupplierHealth, health_of
from billing.payments.provider_acts import standings
from billing.payments.unanswered import UNANSWERED_US
from billing.proof.audit import rules
from billing.recharges.recharge import FallCharge, list_open
from billing.records.sealing import record_standing
from billing.reports.operator_home import OperatorHome, WaitsForPerson, read_home
from billing.topups.platform_rows import SupplierRow, list_suppliers
from gateway.dashboard.admin.fields import admin_route
from gateway.dashboard.sheet import Sheet, short_page
from gateway.html.chart import Series, spend_bars
from gateway.html.render import page
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.clock import SECOND_US
from kernel.fields import Fields
from keys.principal import ENVIRONMENTS
from runtime.processes.presence import WorkerPresence, list_workers
from store.database import Transaction
from webhooks.deliveries.backlog import COUNTED_MAX, DueEndpoint, list_due

_A: Final = "/dashboard/admin"


class WaitingKind(NamedTuple):
    label: str
    number: int
    path: str


class _Seen(NamedTuple):
    home: OperatorHome
    suppliers: Sequence[SupplierRow]
    health: Mapping[str, SupplierHealth]
    workers: Sequence[WorkerPresence]


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    context, environment, now_us = call.context, call.principal.environment, call.now_us
    attempt_us_max = round(context.settings.webhook_timeout_s * SECOND_US)

    async def work(tx: Transaction) -> _Seen:
        home = await read_home(tx, environment, now_us=now_us, attempt_us_max=attempt_us_max)
        rows = await list_suppliers(tx, environment)
        health = await health_of(tx, environment, [one.id for one in rows], now_us=now_us)
        alive = [one for one in await list_workers(tx) if one.is_alive(now_us)]
        return _Seen(home, rows, health, alive)

    home, suppliers, health, workers = await context.database.read(work)
    month = home.volume.spans[-1]
    known = standings(context.payments.providers, context.settings.public_url)
    return page(
        call,
        "admin/home.html",
        home=home,
        waiting=_waiting(home.waits),
        suppliers=suppliers,
        health=health,
        without_supplier=context.suppliers.book.of(environment).without_supplier(),
        providers=[one for one in known if one.environment == environment],
        depth=context.engine.depth,
        staging_closed=context.staging_room.is_short,
        oldest_due_s=home.backlog.oldest_due_us // SECOND_US,
        overlooked_s=home.backlog.overlooked_us // SECOND_US,
        workers=workers,
        environments=(environment, *(one for one in ENVIRONMENTS if one != environment)),
        chart=spend_bars(
            "Sent a day",
            home.volume.sent_by_day(environment),
            since=month.since,
            until=month.until,
            series=Series("sent", "calm"),
        ),
    )


def _waiting(waits: WaitsForPerson) -> Sequence[WaitingKind]:
    return (
        WaitingKind("Top-ups that need a person", waits.topups, f"{_A}/topups?view=person"),
        WaitingKind("Top-ups that are overdue", waits.overdue_topups, f"{_A}/topups?view=overdue"),
        WaitingKind(
            "Top-ups whose supplier's word is kept",
            waits.contradicted_topups,
            f"{_A}/topups?view=word",
        ),
        WaitingKind("Orders paid, not credited", waits.uncredited_orders, _A),
        WaitingKind("Orders credited, not paid", waits.unpaid_orders, f"{_A}?kind=credited_unpaid"),
        WaitingKind("Disputes that are open", waits.disputes, f"{_A}/disputes"),
        WaitingKind(
            "Machine payments that nobody could settle",
            waits.machine_payments,
            f"{_A}/machine-payments?state=stuck",
        ),
        WaitingKind("Differences of money", waits.differences, f"{_A}/reconciliation"),
        WaitingKind(
            "Changes of plans not answered for an hour",
            waits.unanswered["steer"],
            f"{_A}/subscriptions",
        ),
        WaitingKind(
            "Pauses of plans past their end",
            waits.unanswered["pause"],
            f"{_A}/subscriptions?status=paused",
        ),
        WaitingKind(
            "Auto-recharges without a result for an hour",
            waits.unanswered["recharge"],
            f"{_A}/unanswered",
        ),
        WaitingKind(
            "Erased customers still at a provider", waits.unanswered["forget"], f"{_A}/providers"
        ),
    )


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
    admin_route("GET", "/home", show, "Operator's home"),
    admin_route("GET", "/due", show_due, "Webhook deliveries due"),
    admin_route("GET", "/workers", show_workers, "Workers"),
    admin_route("GET", "/line", show_line, "Calls in line"),
    admin_route("GET", "/unanswered", show_recharges, "Recharges not answered"),
    admin_route("GET", "/proofs", show_proofs, "When the ledger was proved"),
)
