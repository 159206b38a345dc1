"""An operator's first page for an environment: what needs an operator, and whether work is done.

Each count is one that metrics read, or ends at COUNTED_MAX, so none is slow.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from billing.ledger.proof import LastProof, last_proof
from billing.machine_payments.payment import count_stuck
from billing.manual_review import waiting
from billing.orders import records as orders
from billing.payments import disputes
from billing.payments.unanswered import UnansweredKind, count_unanswered
from billing.reconciliation.standing import read_standing
from billing.reports.operator.volume import VolumeSeen, read_volume
from store.database import Transaction
from store.kept.backups import last_finished
from webhooks.deliveries.backlog import Backlog, count_due, look

COUNTED_MAX: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitsForPerson:
    """orders and disputes: COUNTED_MAX at most. unanswered: what a payment provider hasn't answered for an
    hour, by kind.
    """

    topups: int
    overdue_topups: int
    contradicted_topups: int
    uncredited_orders: int
    unpaid_orders: int
    disputes: int
    machine_payments: int
    differences: int
    unanswered: Mapping[UnansweredKind, int]


@dataclass(frozen=True, slots=True)
class OperatorHome:
    """waits and pending_topups: of one environment; the rest of the installation. copied_at: when the last
    finished copy began.
    """

    waits: WaitsForPerson
    pending_topups: int
    due: int
    backlog: Backlog
    proof: LastProof | None
    copied_at: int | None
    volume: VolumeSeen


async def read_home(
    tx: Transaction, environment: str, *, now_us: int, attempt_us_max: int
) -> OperatorHome:
    """Read it; attempt_us_max: how long one attempt of a delivery may take."""
    desk = await waiting.gauges(tx, now_us=now_us)
    return OperatorHome(
        waits=WaitsForPerson(
            topups=desk[environment, "person"],
            overdue_topups=desk[environment, "overdue"],
            contradicted_topups=desk[environment, "word"],
            **await _orders(tx, environment),
            machine_payments=(await count_stuck(tx))[environment],
            differences=await _differences(tx, environment),
            unanswered=await _unanswered(tx, environment, now_us),
        ),
        pending_topups=desk[environment, "pending"],
        due=await count_due(tx, now_us=now_us),
        backlog=await look(tx, now_us=now_us, attempt_us_max=attempt_us_max),
        proof=await last_proof(tx),
        copied_at=max((await last_finished(tx)).values(), default=None),
        volume=await read_volume(tx, now_us=now_us),
    )


async def _orders(tx: Transaction, environment: str) -> dict[str, int]:
    uncredited = await orders.paid_uncredited(tx, environment, limit=COUNTED_MAX)
    unpaid = await orders.credited_unpaid(tx, environment, limit=COUNTED_MAX)
    disputed = await disputes.page_of_disputes(tx, environment, limit=COUNTED_MAX)
    return {
        "uncredited_orders": len(uncredited),
        "unpaid_orders": len(unpaid),
        "disputes": len(disputed),
    }


async def _differences(tx: Transaction, environment: str) -> int:
    found = (await read_standing(tx)).open
    return sum(number for (world, _), number in found.items() if world == environment)


async def _unanswered(tx: Transaction, environment: str, now_us: int) -> dict[UnansweredKind, int]:
    found = await count_unanswered(tx, now_us=now_us)
    return {kind: number for (world, kind), number in found.items() if world == environment}
