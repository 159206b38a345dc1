"""Store the differences that comparisons find, one row for each subject and kind.

A comparison closes a row once both sides agree. If an operator closes a row with a reason, it stays closed until its
amounts change.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import msgspec

from billing.ledger.price import Price
from billing.providers.event_log import in_words
from kernel.errors import InvalidInput, NotFound
from kernel.ids import new_id
from keys import audit_log
from keys.audit_log import Actor
from store.database import Transaction
from store.keyset import Begin, Keyset
from store.row_mapping import RowMapping

DifferenceKind = Literal[
    "paid_not_credited",
    "credited_not_paid",
    "amount_differs",
    "unknown_payment",
    "refund_differs",
    "ledger_rule",
    "delivered_without_supplier",
    "supplied_not_delivered",
    "supplied_twice",
    "supplier_balance",
]


@dataclass(frozen=True, slots=True)
class KindText:
    means: str
    press: str


KINDS: Final[dict[DifferenceKind, KindText]] = {
    "paid_not_credited": KindText(
        "The provider has the payment of an order that is not credited.",
        "Open the order: ask the provider now, approve it, or refund the payment.",
    ),
    "credited_not_paid": KindText(
        "An order is credited, and the provider knows no payment of it.",
        "Open the order and look the payment up at the provider; correct the account's credit.",
    ),
    "amount_differs": KindText(
        "The provider has another sum than the order was credited for.",
        "Open the order; correct the account's credit, or refund the rest.",
    ),
    "unknown_payment": KindText(
        "The provider has a payment that no order or paid period here knows.",
        "Look it up at the provider: refund it, or close this with the reason.",
    ),
    "refund_differs": KindText(
        "The provider sent back another sum than the ledger took back.",
        "Open the order; the provider's refund event may not be enabled (topup providers check).",
    ),
    "ledger_rule": KindText(
        "A rule of the ledger is broken.",
        "Run topup audit, stop what writes, and restore or correct the named row.",
    ),
    "delivered_without_supplier": KindText(
        "A top-up counts as delivered, and no attempt at its supplier says so.",
        "Open the top-up and look it up at the supplier.",
    ),
    "supplied_not_delivered": KindText(
        "A supplier delivered a top-up whose funds went back to the sender.",
        "Open the top-up: take the value back at the supplier, or charge the sender.",
    ),
    "supplied_twice": KindText(
        "A supplier, or two, delivered one top-up more than once.",
        "Open the top-up and take the second delivery back at its supplier.",
    ),
    "supplier_balance": KindText(
        "The balance at a supplier fell by more than its deliveries cost.",
        "Compare the supplier's own list of the period with its top-ups here.",
    ),
}


@dataclass(frozen=True, slots=True)
class FoundDifference:
    """A difference found by a comparison. `expected` is the ledger's value. `unit` is a currency, `micros` or
    `times`.
    """

    kind: DifferenceKind
    subject_id: str
    expected: int
    found: int
    unit: str
    detail: str
    account_id: str = ""


@dataclass(slots=True)
class Comparison:
    """The state of a running comparison.

    `subjects` contains IDs with open differences, to check again. IDs in `unanswered` got no response: their
    differences stay open. The next run continues at `mark`.
    """

    environment: str
    part: str
    since: int
    now_us: int
    subjects: frozenset[str] = frozenset()
    checked: int = 0
    mark: str | None = None
    unanswered: set[str] = field(default_factory=set)


REASON_CHARACTERS_MAX: Final = 200
DETAIL_CHARACTERS_MAX: Final = 500
MICROS: Final = "micros"
TIMES: Final = "times"
COUNTED_MAX: Final = 10_000
PRUNED_MAX: Final = 500


class MoneyDifference(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    account_id: str
    environment: str
    part: str
    kind: DifferenceKind
    subject_id: str
    expected: int
    found: int
    unit: str
    detail: str
    since: int
    seen_at: int
    closed_at: int | None = None
    closed_by: str | None = None
    reason: str | None = None

    @property
    def in_words(self) -> tuple[str, str]:
        return _figure(self.expected, self.unit), _figure(self.found, self.unit)


def _figure(amount: int, unit: str) -> str:
    if unit == TIMES:
        return f"{amount} times"
    if unit == MICROS:
        return f"{amount / 1_000_000:.6f} USD"
    sign = "-" if amount < 0 else ""
    return f"{sign}{in_words(Price(abs(amount), unit))}"


async def note_found(
    tx: Transaction,
    environment: str,
    part: str,
    found: Iterable[FoundDifference],
    *,
    now_us: int,
) -> None:
    rows = {
        (one.kind, one.subject_id): (
            new_id("dif"),
            one.account_id,
            environment,
            part,
            one.kind,
            one.subject_id,
            one.expected,
            one.found,
            one.unit,
            one.detail[:DETAIL_CHARACTERS_MAX],
            now_us,
            now_us,
        )
        for one in found
    }
    await tx.insert(
        "money_differences",
        _FOUND_COLUMNS,
        [rows[key] for key in sorted(rows)],
        on_conflict=_SEEN_AGAIN,
    )


async def close_gone(
    tx: Transaction,
    environment: str,
    part: str,
    *,
    began_at: int,
    but: Sequence[str] = (),
    now_us: int,
) -> int:
    return await tx.execute(
        """UPDATE money_differences SET closed_at = :now, closed_by = NULL, reason = NULL
           WHERE environment = :environment AND part = :part AND closed_at IS NULL
             AND seen_at < :began_at AND NOT subject_id IN :but[text]""",
        but=but,
        environment=environment,
        part=part,
        began_at=began_at,
        now=now_us,
    )


async def close(
    tx: Transaction,
    difference_id: str,
    environment: str,
    reason: str,
    *,
    by: Actor,
    person: str,
    now_us: int,
) -> MoneyDifference:
    reason = reason.strip()
    if not reason:
        raise InvalidInput("Give a reason. Other operators can read it later.", param="reason")
    closed = await tx.execute(
        """UPDATE money_differences SET closed_at = :now, closed_by = :by, reason = :reason
           WHERE id = :id AND environment = :environment AND closed_at IS NULL""",
        id=difference_id,
        environment=environment,
        now=now_us,
        by=person or by.name,
        reason=reason,
    )
    found = await find(tx, difference_id, environment)
    if not closed:
        raise InvalidInput("This difference is already closed.", param="id")
    entry = audit_log.entry(
        by,
        "difference.close",
        environment=environment,
        subject_id=found.id,
        account_id=found.account_id or None,
        before={"kind": found.kind, "subject_id": found.subject_id},
        after={
            "expected": found.expected,
            "found": found.found,
            "unit": found.unit,
            "by": person,
        },
        reason=reason,
        now_us=now_us,
    )
    await audit_log.record(tx, [entry])
    return found


async def find(tx: Transaction, difference_id: str, environment: str) -> MoneyDifference:
    row = await tx.fetch_one(
        f"SELECT {_ROWS.listed} FROM money_differences WHERE id = :id AND environment = :environment",
        id=difference_id,
        environment=environment,
    )
    if row is None:
        raise NotFound("Difference")
    return _ROWS.read(row)


async def page(
    tx: Transaction,
    environment: str,
    *,
    is_closed: bool = False,
    before_id: Begin = None,
    limit: int,
) -> Sequence[MoneyDifference]:
    pages = _CLOSED if is_closed else _OPEN
    rows = await pages.page(tx, environment=environment, before_id=before_id, limit=limit)
    return [_ROWS.read(row) for row in rows]


async def prune_closed(tx: Transaction, *, environment: str, before_us: int) -> int:
    """Delete old closed differences that comparisons no longer find. Return how many were deleted."""
    return await tx.execute(
        """DELETE FROM money_differences WHERE id IN (
               SELECT id FROM money_differences
               WHERE environment = :environment AND closed_at < :before_us AND seen_at < :before_us
               ORDER BY id LIMIT :limit)""",
        environment=environment,
        before_us=before_us,
        limit=PRUNED_MAX,
    )


async def open_subjects(tx: Transaction, environment: str, part: str) -> set[str]:
    rows = await tx.fetch(
        """SELECT subject_id FROM money_differences
           WHERE environment = :environment AND part = :part AND closed_at IS NULL
           ORDER BY id LIMIT :most""",
        environment=environment,
        part=part,
        most=COUNTED_MAX,
    )
    return {str(row["subject_id"]) for row in rows}


async def count_open(tx: Transaction) -> dict[tuple[str, str], int]:
    rows = await tx.fetch(
        """SELECT environment, kind, COUNT(*) AS number FROM money_differences
           WHERE closed_at IS NULL GROUP BY environment, kind"""
    )
    return {(row["environment"], row["kind"]): int(row["number"]) for row in rows}


_ROWS = RowMapping(MoneyDifference)
_FOUND_COLUMNS = _ROWS.columns[:-3]
_OPEN = Keyset(
    _ROWS.listed, "money_differences", "environment = :environment AND closed_at IS NULL"
)
_CLOSED = Keyset(
    _ROWS.listed, "money_differences", "environment = :environment AND closed_at IS NOT NULL"
)
_IS_OPENED_AGAIN = """money_differences.closed_at IS NOT NULL
    AND (money_differences.closed_by IS NULL OR money_differences.expected <> excluded.expected
        OR money_differences.found <> excluded.found)"""
_SEEN_AGAIN = f"""ON CONFLICT (environment, part, kind, subject_id) DO UPDATE SET
    since = CASE WHEN {_IS_OPENED_AGAIN} THEN excluded.since ELSE money_differences.since END,
    closed_by = CASE WHEN {_IS_OPENED_AGAIN} THEN NULL ELSE money_differences.closed_by END,
    reason = CASE WHEN {_IS_OPENED_AGAIN} THEN NULL ELSE money_differences.reason END,
    closed_at = CASE WHEN {_IS_OPENED_AGAIN} THEN NULL ELSE money_differences.closed_at END,
    account_id = excluded.account_id, expected = excluded.expected, found = excluded.found,
    unit = excluded.unit, detail = excluded.detail, seen_at = excluded.seen_at"""
