"""Read the figures for the operator's home page.

Each count comes from a metric or stops at COUNTED_MAX, so no count is slow.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from billing.ledger.proof import LastProof, last_proof
from billing.ledger.volume import VolumeDay, volume_since
from billing.machine_payments.payment import count_stuck
from billing.manual_review import waiting
from billing.orders import records as orders
from billing.payments import disputes
from billing.payments.unanswered import UnansweredKind, count_unanswered
from billing.reconciliation.runs import read_standing
from kernel.clock import DAY_US, rfc3339
from keys.principal import ENVIRONMENTS
from store.database import Transaction
from store.kept.backups import last_finished
from webhooks.deliveries.backlog import Backlog, count_due, measure

DAYS: Final = 30


class Volume(NamedTuple):
    number: int = 0
    amount_micros: int = 0


class VolumeOfSpan(NamedTuple):
    label: str
    since: int
    until: int

    @property
    def first_day(self) -> str:
        return rfc3339(self.since)[:10]

    @property
    def end_day(self) -> str:
        return rfc3339(self.until)[:10]


@dataclass(frozen=True, slots=True)
class VolumeSeen:
    spans: Sequence[VolumeOfSpan]
    days: Sequence[VolumeDay]
    counted_at: int | None

    def sent(self, environment: str, span: VolumeOfSpan) -> Volume:
        return self._sum("sent", environment, span)

    def sold(self, environment: str, provider: str, span: VolumeOfSpan) -> Volume:
        return self._sum("sold", environment, span, provider)

    def providers(self, environment: str) -> Sequence[str]:
        return sorted(
            {day.name for day in self.days if (day.kind, day.environment) == ("sold", environment)}
        )

    def sent_by_day(self, environment: str) -> Mapping[int, int]:
        return {
            day.day_start_at: day.amount_micros
            for day in self.days
            if (day.kind, day.environment) == ("sent", environment)
        }

    def _sum(self, kind: str, environment: str, span: VolumeOfSpan, name: str = "") -> Volume:
        assert environment in ENVIRONMENTS, environment
        found = [
            day
            for day in self.days
            if (day.kind, day.environment, day.name) == (kind, environment, name)
            and span.since <= day.day_start_at < span.until
        ]
        return Volume(sum(one.number for one in found), sum(one.amount_micros for one in found))


async def read_volume(tx: Transaction, *, now_us: int) -> VolumeSeen:
    today = now_us - now_us % DAY_US
    end, first = today + DAY_US, today - (DAYS - 1) * DAY_US
    days, counted_at = await volume_since(tx, since_us=first)
    spans = (
        VolumeOfSpan("Today", today, end),
        VolumeOfSpan("Yesterday", today - DAY_US, today),
        VolumeOfSpan("Last 7 days", today - 6 * DAY_US, end),
        VolumeOfSpan("Last 30 days", first, end),
    )
    return VolumeSeen(spans, days, counted_at)


COUNTED_MAX: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitsForPerson:
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
    """`waits` and `pending_topups` are for one environment. The other figures cover the whole installation."""

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
        backlog=await measure(tx, now_us=now_us, attempt_us_max=attempt_us_max),
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
