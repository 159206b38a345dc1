"""List and count waiting and failed top-ups, and sum up each supplier's results from the last 24 hours.

Waiting top-ups are listed oldest first, and failed ones latest first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from billing.fulfilment import manual
from billing.manual_review.rules import OVERDUE_US, ReviewedTopUp
from billing.topups import fulfilment as attempts, topup as topups
from billing.topups.fulfilment import ASKED_US, Attempt
from billing.topups.platform import WALLET
from billing.topups.supplier_words import count_unseen
from billing.topups.topup import ROWS, TopUp
from kernel.clock import DAY_US, HOUR_US, SECOND_US
from kernel.errors import NotFound
from store.database import Transaction
from store.keyset import Keyset

COUNTED_MAX: Final = 100
GAUGED_MAX: Final = 10_000
View = Literal["person", "overdue", "word", "unknown", "pending", "reversing", "failed"]
VIEWS: Final[Mapping[View, str]] = {
    "person": "waiting for a person",
    "overdue": "overdue",
    "word": "a supplier's word is kept",
    "unknown": "outcome unknown",
    "pending": "all that are pending",
    "reversing": "being taken back",
    "failed": "failed",
}


@dataclass(frozen=True, slots=True)
class ReviewFilter:
    environment: str
    view: View = "pending"
    supplier: str | None = None
    platform: str | None = None
    account_id: str | None = None
    created_before: int | None = None


async def page(
    tx: Transaction,
    wanted: ReviewFilter,
    *,
    after_id: str | None = None,
    limit: int,
    now_us: int,
) -> Sequence[ReviewedTopUp]:
    values: dict[str, Any] = {
        "environment": wanted.environment,
        "supplier": wanted.supplier,
        "platform": wanted.platform,
        "account_id": wanted.account_id,
        "created_before": wanted.created_before,
    }
    if wanted.view == "failed":
        rows = await _FAILED.page(tx, before_id=after_id, limit=limit, **values)
    elif wanted.view == "word":
        rows = await _WORDS.page(tx, after_id=after_id, limit=limit, **values)
    elif wanted.view == "reversing":
        rows = await _REVERSING.page(tx, after_id=after_id, limit=limit, **values)
    else:
        values |= {f"is_{wanted.view}": True, **_moments(now_us)}
        rows = await _PENDING.page(tx, after_id=after_id, limit=limit, **values)
    return await _seen(tx, [ROWS.read(row) for row in rows], now_us)


async def get_seen(
    tx: Transaction, topup_id: str, *, now_us: int, environment: str | None = None
) -> ReviewedTopUp:
    found = (await topups.load(tx, [topup_id])).get(topup_id)
    if found is None or environment not in {None, found.environment}:
        raise NotFound("Transaction", param="transaction_id")
    return (await _seen(tx, [found], now_us))[0]


async def count_waiting(tx: Transaction, environment: str, *, now_us: int) -> int:
    row = await tx.fetch_one(_COUNT, environment=environment, most=COUNTED_MAX, **_moments(now_us))
    assert row is not None, "a count has one row"
    return min(int(row["number"]), COUNTED_MAX)


async def gauges(tx: Transaction, *, now_us: int) -> Mapping[tuple[str, str], int]:
    found = {}
    for environment in ("staging", "live"):
        for view, clause in _GAUGED.items():
            row = await tx.fetch_one(
                f"""SELECT COUNT(*) AS number FROM (
                        SELECT t.id FROM {_SOURCE} WHERE {_IS_PENDING} AND {clause} LIMIT :most
                    ) w""",
                environment=environment,
                most=GAUGED_MAX,
                **_moments(now_us),
            )
            assert row is not None, "a count has one row"
            found[environment, view] = int(row["number"])
        found[environment, "word"] = await count_unseen(tx, environment)
    return found


async def longest_waits(tx: Transaction, *, now_us: int) -> Mapping[str, int]:
    """Return each environment's longest wait in microseconds, among the GAUGED_MAX oldest top-ups."""
    found = {}
    for environment in ("staging", "live"):
        row = await tx.fetch_one(_LONGEST, environment=environment, most=GAUGED_MAX)
        assert row is not None, "a minimum has one row"
        since = row["since"]
        found[environment] = 0 if since is None else max(0, now_us - int(since))
    return found


async def _seen(tx: Transaction, found: Sequence[TopUp], now_us: int) -> list[ReviewedTopUp]:
    ids = [one.id for one in found]
    told: dict[str, list[Attempt]] = {}
    for attempt in await attempts.load(tx, ids):
        told.setdefault(attempt.transaction_id, []).append(attempt)
    known = await manual.load_tasks(tx, ids)
    return [ReviewedTopUp(one, told.get(one.id, []), known.get(one.id), now_us) for one in found]


def _moments(now_us: int) -> dict[str, int]:
    return {
        "now": now_us,
        "old_before": now_us - OVERDUE_US,
        "asked_before": now_us - ASKED_US,
        "hour_before": now_us - HOUR_US,
    }


_SOURCE: Final = """topups t LEFT JOIN manual_tasks m
    ON m.transaction_id = t.id AND m.outcome IS NULL AND m.supplier = t.supplier"""
_IS_PENDING: Final = """t.environment = :environment AND t.status = 'pending'
    AND t.supplier IS NOT NULL"""
_IS_PERSON: Final = """(m.transaction_id IS NOT NULL
    OR (t.handed_over_at IS NOT NULL AND t.next_check_at IS NULL))"""
_IS_OVERDUE: Final = "(t.created_at <= :old_before OR m.due_at <= :now)"
_IS_UNKNOWN: Final = """EXISTS (SELECT 1 FROM fulfilment_attempts a
    WHERE a.transaction_id = t.id AND a.ended_at IS NULL AND (a.outcome = 'unknown'
        OR (a.outcome = 'requested' AND a.last_requested_at <= :asked_before)))"""
_IS_ASKED: Final = "t.next_check_at IS NOT NULL AND m.transaction_id IS NULL"
# The wait starts when the supplier may first be called, even if the first call comes later.
_IS_HOUR: Final = f"""({_IS_ASKED}
    AND t.created_at <= :hour_before AND COALESCE(t.scheduled_for, 0) <= :hour_before
    AND NOT EXISTS (SELECT 1 FROM approvals p
                    WHERE p.transaction_id = t.id AND p.decided_at > :hour_before))"""
_GAUGED: Final = {
    "pending": "1 = 1",
    "person": _IS_PERSON,
    "overdue": _IS_OVERDUE,
    "hour": _IS_HOUR,
}
SINCE_COLUMNS: Final = """t.created_at, COALESCE(t.scheduled_for, 0) AS scheduled_for,
    COALESCE((SELECT p.decided_at FROM approvals p WHERE p.transaction_id = t.id), 0)
        AS decided_at"""
SINCE: Final = """CASE
    WHEN w.decided_at > w.created_at AND w.decided_at > w.scheduled_for THEN w.decided_at
    WHEN w.scheduled_for > w.created_at THEN w.scheduled_for
    ELSE w.created_at END"""
_LONGEST: Final = f"""
SELECT MIN({SINCE}) AS since FROM (
    SELECT {SINCE_COLUMNS} FROM {_SOURCE}
    WHERE {_IS_PENDING} AND {_IS_ASKED} ORDER BY t.created_at LIMIT :most) w
"""
_NARROWED: Final = {
    "supplier": "t.supplier = :supplier",
    "platform": "t.platform = :platform",
    "account_id": "t.account_id = :account_id",
    "created_before": "t.created_at <= :created_before",
}
_PENDING: Final = Keyset(
    ROWS.of("t"),
    _SOURCE,
    _IS_PENDING,
    filters={
        **_NARROWED,
        "is_person": _IS_PERSON,
        "is_overdue": _IS_OVERDUE,
        "is_unknown": _IS_UNKNOWN,
        "after_id": "t.id > :after_id",
    },
    key="t.id",
    order="ASC",
)
_FAILED: Final = Keyset(
    ROWS.of("t"),
    "topups t",
    "t.environment = :environment AND t.status = 'failed' AND t.supplier IS NOT NULL",
    filters=_NARROWED,
    key="t.id",
)
_WORDS: Final = Keyset(
    ROWS.of("t"),
    "topups t",
    """t.id IN (SELECT w.transaction_id FROM supplier_words w
                WHERE w.environment = :environment AND w.seen_at IS NULL)""",
    filters={**_NARROWED, "after_id": "t.id > :after_id"},
    key="t.id",
    order="ASC",
)
_REVERSING: Final = Keyset(
    ROWS.of("t"),
    "topup_reversals r JOIN topups t ON t.id = r.transaction_id",
    "r.environment = :environment AND r.ended_at IS NULL",
    filters={**_NARROWED, "after_id": "t.id > :after_id"},
    key="t.id",
    order="ASC",
)
_COUNT: Final = """
SELECT COUNT(*) AS number FROM (
    SELECT id FROM (
        SELECT id FROM topups
        WHERE environment = :environment AND status = 'pending' AND supplier IS NOT NULL
          AND created_at <= :old_before
        ORDER BY created_at LIMIT :most) old
    UNION
    SELECT id FROM (
        SELECT id FROM topups
        WHERE environment = :environment AND status = 'pending' AND supplier IS NOT NULL
          AND handed_over_at IS NOT NULL AND next_check_at IS NULL
        ORDER BY handed_over_at LIMIT :most) held
    UNION
    SELECT id FROM (
        SELECT t.id FROM manual_tasks m JOIN topups t
            ON t.id = m.transaction_id AND t.status = 'pending' AND t.supplier = m.supplier
        WHERE m.environment = :environment AND m.outcome IS NULL
        ORDER BY m.due_at LIMIT :most) tasks
    UNION
    SELECT id FROM (
        SELECT DISTINCT transaction_id AS id FROM supplier_words
        WHERE environment = :environment AND seen_at IS NULL LIMIT :most) words
) waiting
"""


LOOKED_AT_MAX: Final = 1_000
AT_ONCE: Final = "delivers with the send"


@dataclass(frozen=True, slots=True)
class SupplierHealth:
    outcomes: Mapping[str, int]
    p95_s: float | None = None
    waits_s: float | None = None

    def sentence(self, kind: str) -> str:
        parts = [f"{number} {name}" for name, number in sorted(self.outcomes.items())]
        if self.p95_s is not None:
            parts.append(f"95 of 100 within {self.p95_s:.1f} s")
        return ", ".join(parts) or (AT_ONCE if kind == WALLET else "no attempts")

    @property
    def delivered_share(self) -> float | None:
        said = {name: number for name, number in self.outcomes.items() if name not in _NO_SENDS}
        total = sum(said.values())
        return said.get("delivered", 0) / total if total else None

    def shape(self) -> dict[str, Any]:
        share = self.delivered_share
        return {
            "outcomes": dict(self.outcomes),
            "delivered_percent": None if share is None else round(share * 100, 1),
            "p95_s": None if self.p95_s is None else round(self.p95_s, 1),
            "waits_s": None if self.waits_s is None else round(self.waits_s),
        }


async def health_of(
    tx: Transaction, environment: str, suppliers: Sequence[str], *, now_us: int
) -> Mapping[str, SupplierHealth]:
    return {one: await _health(tx, environment, one, now_us) for one in suppliers}


async def _health(tx: Transaction, environment: str, supplier: str, now_us: int) -> SupplierHealth:
    rows = await tx.fetch(
        """SELECT outcome, ended_at - requested_at AS took_us FROM fulfilment_attempts
           WHERE environment = :environment AND supplier = :supplier AND last_requested_at >= :since
           ORDER BY last_requested_at DESC LIMIT :most""",
        environment=environment,
        supplier=supplier,
        since=now_us - DAY_US,
        most=LOOKED_AT_MAX,
    )
    waits = await tx.fetch_one(
        _LONGEST_OF_ONE, environment=environment, supplier=supplier, most=LOOKED_AT_MAX
    )
    assert waits is not None, "a minimum has one row"
    since = waits["since"]
    outcomes: dict[str, int] = {}
    for row in rows:
        outcomes[row["outcome"]] = outcomes.get(row["outcome"], 0) + 1
    took = sorted(int(row["took_us"]) for row in rows if row["outcome"] == "delivered")
    p95_us = took[-(-len(took) * 95 // 100) - 1] if took else None
    return SupplierHealth(
        outcomes,
        None if p95_us is None else p95_us / SECOND_US,
        None if since is None else max(0, now_us - int(since)) / SECOND_US,
    )


_LONGEST_OF_ONE: Final = f"""
SELECT MIN({SINCE}) AS since FROM (
    SELECT {SINCE_COLUMNS} FROM topups t
    WHERE t.environment = :environment AND t.status = 'pending' AND t.supplier = :supplier
    ORDER BY t.created_at LIMIT :most) w
"""


_NO_SENDS: Final = frozenset({"requested", "waiting", "revoked", "kept"})
