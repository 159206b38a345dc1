"""What was earned: charges, fees and suppliers' costs of delivered top-ups.

A bounded number of top-ups in each transaction. What is delivered meanwhile may count or not.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Final, Literal, NamedTuple

import msgspec
from msgspec import Meta

from kernel.clock import DAY_US, SECOND_US
from store.database import Database, Transaction
from store.statement import unindexed

MarginBy = Literal["day", "platform", "supplier", "account"]
MARGIN_BY: Final[tuple[MarginBy, ...]] = ("day", "platform", "supplier", "account")
READ_AT_ONCE: Final = 20_000
# Credit in the recipient's wallet here: no supplier was called.
_NOBODY: Final = "wallet"
# Sorts after every ID.
_END: Final = "~"


class MarginLine(msgspec.Struct, frozen=True, kw_only=True):
    """Delivered top-ups of one group, in US cents; ungrouped fields are null.

    day: of the delivery, UTC. charged: amount and fee. margin: charged less cost, of those with a known cost;
    without_cost counts the others.
    """

    day: Annotated[str | None, Meta(description="The UTC day of the delivery.")]
    platform: str | None
    supplier: str | None
    account: Annotated[str | None, Meta(description="The account's ID.")]
    topups: Annotated[int, Meta(description="How many were delivered.")]
    amount_cents: int
    fee_cents: Annotated[int, Meta(description="Their fees.")]
    charged_cents: Annotated[int, Meta(description="Amounts and fees.")]
    cost_cents: Annotated[int, Meta(description="What suppliers took, where it is known.")]
    margin_cents: Annotated[int, Meta(description="Charged less cost, of those with a known cost.")]
    without_cost: Annotated[int, Meta(description="How many have no known cost.")]


class MarginPeriod(NamedTuple):
    """since <= time < until; platform null: all."""

    environment: str
    since: int
    until: int
    platform: str | None = None


async def margin_lines(
    database: Database,
    period: MarginPeriod,
    *,
    by: Sequence[MarginBy],
    read_at_once: int = READ_AT_ONCE,
) -> Sequence[MarginLine]:
    sums: dict[tuple[int | str, ...], list[int]] = {}
    after_id = ""

    async def work(tx: Transaction) -> str:
        last_id = await _last_id(tx, period, after_id, read_at_once)
        await _add(tx, period, by, (after_id, last_id), sums)
        return last_id

    while after_id != _END:
        after_id = await database.read(work)
    return [_line(dict(zip(by, key, strict=True)), sums[key]) for key in sorted(sums)]


async def _last_id(tx: Transaction, period: MarginPeriod, after_id: str, rows: int) -> str:
    """Return where this step ends: a top-up made after the period wasn't delivered in it."""
    row = await tx.fetch_one(
        "SELECT id, created_at FROM topups WHERE id > :after_id ORDER BY id LIMIT 1 OFFSET :rows",
        after_id=after_id,
        rows=rows - 1,
    )
    return _END if row is None or row["created_at"] >= period.until else str(row["id"])


async def _add(
    tx: Transaction,
    period: MarginPeriod,
    by: Sequence[MarginBy],
    between: tuple[str, str],
    sums: dict[tuple[int | str, ...], list[int]],
) -> None:
    columns = [_GROUPS[one] for one in by]
    listed = "".join(f"{text}, " for text in columns)
    grouped = f"GROUP BY {', '.join(columns)}" if by else ""
    only = "" if period.platform is None else "AND p.platform = :platform"
    named = {} if period.platform is None else {"platform": period.platform}
    rows = await tx.fetch(
        f"SELECT {listed} {_SUMS} {only} {grouped}",
        environment=period.environment,
        since=period.since,
        until=period.until,
        after_id=between[0],
        last_id=between[1],
        **named,
    )
    for row in rows:
        found = [int(one or 0) for one in tuple(row)[len(by) :]]
        if found[0]:
            key = tuple(row)[: len(by)]
            before = sums.get(key, [0] * len(found))
            sums[key] = [sum(pair) for pair in zip(before, found, strict=True)]


def _line(groups: Mapping[MarginBy, int | str], sums: Sequence[int]) -> MarginLine:
    topups, amount_cents, fee_cents, cost_cents, known_cents, without_cost = sums
    named: dict[str, object] = {name: groups.get(name) for name in MARGIN_BY}
    day = named["day"]
    if isinstance(day, int):
        named["day"] = datetime.fromtimestamp(day * DAY_US // SECOND_US, UTC).date().isoformat()
    return msgspec.convert(
        {
            **named,
            "topups": topups,
            "amount_cents": amount_cents,
            "fee_cents": fee_cents,
            "charged_cents": amount_cents + fee_cents,
            "cost_cents": cost_cents,
            "margin_cents": known_cents - cost_cents,
            "without_cost": without_cost,
        },
        MarginLine,
    )


_GROUPS: Final = {
    "day": f"p.settled_at / {DAY_US}",
    "platform": "p.platform",
    "supplier": f"COALESCE(p.supplier, '{_NOBODY}')",
    # Else SQLite would read all accounts in index order, in each step.
    "account": unindexed("p.account_id"),
}
# One attempt of a top-up delivers. A reversing one counts as delivered until it is reversed.
_SUMS: Final = """
    COUNT(*), SUM(p.amount_cents), SUM(p.earned_fee_cents), SUM(a.cost_cents),
    SUM(CASE WHEN a.cost_cents IS NOT NULL
        THEN p.amount_cents + COALESCE(p.earned_fee_cents, 0) END),
    SUM(CASE WHEN a.cost_cents IS NULL THEN 1 ELSE 0 END)
FROM topups p
LEFT JOIN fulfilment_attempts a ON a.transaction_id = p.id AND a.outcome = 'delivered'
WHERE p.id > :after_id AND p.id <= :last_id
  AND p.environment = :environment AND p.status IN ('delivered', 'reversing')
  AND p.settled_at >= :since AND p.settled_at < :until
"""
