"""Log genuine notifications and their outcomes for the operator, one row for each event.

Forged notifications leave no row, so strangers can't fill the table. No decision depends on these rows.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from billing.ledger.price import Price
from kernel.clock import rfc3339
from store.database import Transaction

ProblemReason = Literal[
    "amount",  # the amount or currency differs from the price
    "method",  # the payment method or product differs from the order's
    "second_payment",
    "second_plan",
    "invoice",  # the plan isn't sold here, or the period is already paid
    "refund",  # the refund's currency differs from the payment's, or the refund itself was returned
    "contradiction",
    "other_provider",
    "too_much",  # the account can't hold that much credit
]


@dataclass(frozen=True, slots=True)
class Problem:
    reason: ProblemReason
    sentence: str
    expected: str = ""
    came: str = ""
    payment_ref: str | None = None


def other_price(came: Price, expected: Price) -> Problem:
    came_words, wanted = in_words(came), in_words(expected)
    return Problem("amount", f"{came_words} was paid, not {wanted}", wanted, came_words)


def in_words(price: Price) -> str:
    return f"{price.decimal()} {price.currency}" if price.is_listed else price.words()


PRUNE_ROWS = 500
NotificationOutcome = Literal["applied", "repeated", "ignored", "unknown", "refused", "review"]
DETAIL_CHARACTERS_MAX = 500


@dataclass(frozen=True, slots=True)
class NotificationRef:
    provider: str
    environment: str
    event_id: str
    type: str


@dataclass(frozen=True, slots=True)
class LogEntry:
    notification: NotificationRef
    outcome: NotificationOutcome
    received_at: int
    account_id: str | None = None
    order_id: str | None = None
    detail: str = ""
    resolved_at: int | None = None
    problem: Problem | None = None

    def shape(self) -> dict[str, Any]:
        return {
            "provider": self.notification.provider,
            "environment": self.notification.environment,
            "event_id": self.notification.event_id,
            "type": self.notification.type,
            "account_id": self.account_id,
            "order_id": self.order_id,
            "outcome": self.outcome,
            "detail": self.detail,
            "reason": None if self.problem is None else self.problem.reason,
            "expected": None if self.problem is None else self.problem.expected,
            "came": None if self.problem is None else self.problem.came,
            "payment": None if self.problem is None else self.problem.payment_ref,
            "received_at": rfc3339(self.received_at),
            "resolved_at": None if self.resolved_at is None else rfc3339(self.resolved_at),
        }


async def record(tx: Transaction, entries: Iterable[LogEntry]) -> None:
    weightiest: dict[tuple[str, str, str], LogEntry] = {}
    for entry in entries:
        key = (
            entry.notification.provider,
            entry.notification.environment,
            entry.notification.event_id,
        )
        known = weightiest.get(key)
        if known is None or _WEIGHT[entry.outcome] > _WEIGHT[known.outcome]:
            weightiest[key] = entry
    rows = [(*key, *_rest(entry)) for key, entry in sorted(weightiest.items(), key=lambda e: e[0])]
    await tx.insert("provider_events", _COLUMNS, rows, on_conflict=_KEEP_WEIGHTIEST)


async def resolve(tx: Transaction, order_ids: Iterable[str], *, now_us: int) -> None:
    await tx.execute(
        """UPDATE provider_events SET resolved_at = :now
           WHERE order_id IN :ids[text] AND outcome IN ('review', 'refused')
             AND resolved_at IS NULL""",
        ids=sorted(set(order_ids)),
        now=now_us,
    )


async def resolve_payments(
    tx: Transaction, payments: Iterable[tuple[str, str]], *, now_us: int
) -> None:
    for order_id, payment_ref in sorted(set(payments)):
        await tx.execute(
            """UPDATE provider_events SET resolved_at = :now
               WHERE order_id = :order_id AND payment_ref = :payment_ref
                 AND outcome IN ('review', 'refused') AND resolved_at IS NULL""",
            now=now_us,
            order_id=order_id,
            payment_ref=payment_ref,
        )


async def open_orders(tx: Transaction, order_ids: Iterable[str]) -> set[str]:
    rows = await tx.fetch(
        """SELECT DISTINCT order_id FROM provider_events
           WHERE order_id IN :ids[text] AND outcome IN ('review', 'refused')
             AND resolved_at IS NULL""",
        ids=sorted(set(order_ids)),
    )
    return {row["order_id"] for row in rows}


async def page(
    tx: Transaction,
    environment: str,
    *,
    is_open_only: bool = False,
    before: tuple[int, str, str] | None = None,
    limit: int,
) -> Sequence[LogEntry]:
    narrowed = ""
    values: dict[str, Any] = {}
    if is_open_only:
        narrowed += " AND outcome IN ('review', 'refused') AND resolved_at IS NULL"
    if before is not None:
        narrowed += " AND (received_at, provider, event_id) < (:at, :provider, :event_id)"
        values = dict(zip(("at", "provider", "event_id"), before, strict=True))
    rows = await tx.fetch(
        f"""SELECT {", ".join(_COLUMNS)}, resolved_at FROM provider_events
            WHERE environment = :environment{narrowed}
            ORDER BY received_at DESC, provider DESC, event_id DESC LIMIT :limit""",
        environment=environment,
        limit=limit,
        **values,
    )
    return [from_row(row) for row in rows]


async def of_order(tx: Transaction, order_id: str) -> Sequence[LogEntry]:
    rows = await tx.fetch(
        f"""SELECT {", ".join(_COLUMNS)}, resolved_at FROM provider_events
            WHERE order_id = :order_id ORDER BY received_at, event_id""",
        order_id=order_id,
    )
    return [from_row(row) for row in rows]


async def open_of(tx: Transaction, orders: Iterable[str]) -> dict[str, list[LogEntry]]:
    rows = await tx.fetch(
        f"""SELECT {", ".join(f"e.{column}" for column in _COLUMNS)}, e.resolved_at
            FROM provider_events e JOIN orders o ON o.id = e.order_id
            WHERE e.order_id IN :ids[text] AND e.environment = o.environment
              AND e.outcome IN ('review', 'refused') AND e.resolved_at IS NULL
            ORDER BY e.received_at, e.event_id""",
        ids=sorted(set(orders)),
    )
    found: dict[str, list[LogEntry]] = {}
    for row in rows:
        found.setdefault(row["order_id"], []).append(from_row(row))
    return found


async def prune(tx: Transaction, environment: str, *, before_us: int) -> int:
    """Delete a limited number of older entries and return how many. Skip entries that are waiting for an operator."""
    return await tx.execute(
        """DELETE FROM provider_events
           WHERE environment = :environment AND (provider, event_id) IN (
               SELECT provider, event_id FROM provider_events
               WHERE environment = :environment AND received_at < :before
                 AND (outcome NOT IN ('review', 'refused') OR resolved_at IS NOT NULL)
               ORDER BY received_at LIMIT :rows)""",
        environment=environment,
        before=before_us,
        rows=PRUNE_ROWS,
    )


_WEIGHT = {"repeated": 0, "unknown": 1, "ignored": 1, "applied": 2, "refused": 3, "review": 4}
_COLUMNS = (
    "provider",
    "environment",
    "event_id",
    "type",
    "account_id",
    "order_id",
    "outcome",
    "detail",
    "received_at",
    "reason",
    "expected",
    "came",
    "payment_ref",
)
_BY_WEIGHT = " ".join(f"WHEN '{outcome}' THEN {weight}" for outcome, weight in _WEIGHT.items())
_KEEP_WEIGHTIEST = f"""ON CONFLICT (provider, environment, event_id) DO UPDATE SET
    type = excluded.type, account_id = excluded.account_id, order_id = excluded.order_id,
    outcome = excluded.outcome, detail = excluded.detail, reason = excluded.reason,
    expected = excluded.expected, came = excluded.came, payment_ref = excluded.payment_ref
    WHERE CASE excluded.outcome {_BY_WEIGHT} END
        > CASE provider_events.outcome {_BY_WEIGHT} END"""


def _rest(entry: LogEntry) -> tuple[object, ...]:
    return (
        entry.notification.type,
        entry.account_id,
        entry.order_id,
        entry.outcome,
        entry.detail[:DETAIL_CHARACTERS_MAX],
        entry.received_at,
        *_of_problem(entry.problem),
    )


def _of_problem(problem: Problem | None) -> tuple[str | None, str | None, str | None, str | None]:
    if problem is None:
        return (None, None, None, None)
    sides = (problem.expected[:DETAIL_CHARACTERS_MAX], problem.came[:DETAIL_CHARACTERS_MAX])
    return (problem.reason, *sides, problem.payment_ref)


def from_row(row: Any) -> LogEntry:
    return LogEntry(
        NotificationRef(row["provider"], row["environment"], row["event_id"], row["type"]),
        row["outcome"],
        row["received_at"],
        row["account_id"],
        row["order_id"],
        row["detail"],
        row["resolved_at"],
        None
        if row["reason"] is None
        else Problem(
            row["reason"],
            row["detail"],
            row["expected"] or "",
            row["came"] or "",
            row["payment_ref"],
        ),
    )
