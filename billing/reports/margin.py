"""What was earned: charged, fees and suppliers' costs of delivered top-ups, added up. Writes nothing.

Reads the top-ups of a period in one statement, so a long one takes its time; nothing waits for it.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, Literal

import msgspec

from kernel.clock import DAY_US, SECOND_US
from store.database import Transaction

MarginBy = Literal["day", "platform", "supplier"]
MARGIN_BY: Final[tuple[MarginBy, ...]] = ("day", "platform", "supplier")
# Of top-ups whose credit lies in the recipient's wallet here, at once: nobody was asked for them.
_NOBODY: Final = "wallet"


class MarginLine(msgspec.Struct, frozen=True, kw_only=True):
    """Delivered top-ups of one group, in US cents; what they are not grouped by is null.

    day: of the delivery, UTC. charged is amount and fee. margin is what was charged less what it
    cost, of those whose cost is known; without_cost counts the others.
    """

    day: str | None
    platform: str | None
    supplier: str | None
    topups: int
    amount_cents: int
    fee_cents: int
    charged_cents: int
    cost_cents: int
    margin_cents: int
    without_cost: int


async def margin_lines(
    tx: Transaction, environment: str, *, since: int, until: int, by: Sequence[MarginBy]
) -> Sequence[MarginLine]:
    """Of what was delivered with since <= time < until (microseconds), in the order of `by`."""
    columns = [_GROUPS[one] for one in by]
    listed = "".join(f"{text} AS {name}, " for name, text in zip(by, columns, strict=True))
    grouped = f"GROUP BY {', '.join(columns)} ORDER BY {', '.join(columns)}" if by else ""
    rows = await tx.fetch(
        f"SELECT {listed} {_SUMS} {grouped}",
        environment=environment,
        since=since,
        until=until,
    )
    return [_line(dict(row), by) for row in rows if row["topups"]]


def _line(row: dict[str, object], by: Sequence[MarginBy]) -> MarginLine:
    groups: dict[str, object] = {name: row[name] if name in by else None for name in MARGIN_BY}
    day = groups["day"]
    if isinstance(day, int):
        moment = datetime.fromtimestamp(day * DAY_US // SECOND_US, UTC)
        groups["day"] = moment.date().isoformat()
    sums = {name: int(str(row[name])) for name in _SUMMED}
    margin_cents = sums.pop("known_cents") - sums["cost_cents"]
    charged_cents = sums["amount_cents"] + sums["fee_cents"]
    return msgspec.convert(
        {**groups, **sums, "charged_cents": charged_cents, "margin_cents": margin_cents},
        MarginLine,
    )


_GROUPS: Final = {
    "day": f"p.settled_at / {DAY_US}",
    "platform": "p.platform",
    "supplier": f"COALESCE(p.supplier, '{_NOBODY}')",
}
_SUMMED: Final = (
    "topups",
    "amount_cents",
    "fee_cents",
    "cost_cents",
    "known_cents",
    "without_cost",
)
# One attempt of a top-up delivers.
_SUMS: Final = """
    COUNT(*) AS topups,
    COALESCE(SUM(p.amount_cents), 0) AS amount_cents,
    COALESCE(SUM(p.fee_cents), 0) AS fee_cents,
    COALESCE(SUM(a.cost_cents), 0) AS cost_cents,
    COALESCE(SUM(CASE WHEN a.cost_cents IS NOT NULL
        THEN p.amount_cents + COALESCE(p.fee_cents, 0) END), 0) AS known_cents,
    SUM(CASE WHEN a.cost_cents IS NULL THEN 1 ELSE 0 END) AS without_cost
FROM topups p
LEFT JOIN fulfilment_attempts a ON a.transaction_id = p.id AND a.outcome = 'delivered'
WHERE p.environment = :environment AND p.status = 'delivered'
  AND p.settled_at >= :since AND p.settled_at < :until
"""
