"""How suppliers do, from the attempts of the last day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from billing.manual_review.waiting import SINCE, SINCE_COLUMNS
from billing.topups.platform import WALLET
from kernel.clock import DAY_US, SECOND_US
from store.database import Transaction

# The latest attempts of a supplier's last day.
LOOKED_AT_MAX: Final = 1_000
# It is called and counted here only behind another supplier.
AT_ONCE: Final = "delivers with the send"


@dataclass(frozen=True, slots=True)
class SupplierHealth:
    """outcomes: attempts by outcome. p95_s: seconds from the first call to the delivery that 95 of 100 kept.
    waits_s: how long the oldest pending top-up has waited.
    """

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
        """Return the share of decided or silent ones, 0 to 1; null: there are none."""
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
        _LONGEST, environment=environment, supplier=supplier, most=LOOKED_AT_MAX
    )
    assert waits is not None, "a minimum has one row"
    since = waits["since"]
    outcomes: dict[str, int] = {}
    for row in rows:
        outcomes[row["outcome"]] = outcomes.get(row["outcome"], 0) + 1
    took = sorted(int(row["took_us"]) for row in rows if row["outcome"] == "delivered")
    # Of 20 the 19th: the first that as many in a hundred kept.
    p95_us = took[-(-len(took) * 95 // 100) - 1] if took else None
    return SupplierHealth(
        outcomes,
        None if p95_us is None else p95_us / SECOND_US,
        None if since is None else max(0, now_us - int(since)) / SECOND_US,
    )


_LONGEST: Final = f"""
SELECT MIN({SINCE}) AS since FROM (
    SELECT {SINCE_COLUMNS} FROM topups t
    WHERE t.environment = :environment AND t.status = 'pending' AND t.supplier = :supplier
    ORDER BY t.created_at LIMIT :most) w
"""


# Under way, or a revocation.
_NO_SENDS: Final = frozenset({"requested", "waiting", "revoked", "kept"})
