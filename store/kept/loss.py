"""Record what an operator accepted as lost; from then on the database serves without it.

Every process sees the row, because it is in the database that continues; an older copy doesn't have it
(store/postgresql/servers.py). Writes accepted_losses.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from store.database import Transaction

_LISTED_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class AcceptedLoss:
    """Times in microseconds; lost_* are null if unknown."""

    accepted_at: int
    lost_from_at: int | None
    lost_until_at: int | None
    reason: str


async def accept(
    tx: Transaction,
    *,
    now_us: int,
    lost_from_at: int | None,
    lost_until_at: int | None,
    reason: str,
) -> AcceptedLoss:
    """Record a loss with a time later than any before, whatever the clock says."""
    row = await tx.fetch_one("SELECT COALESCE(MAX(accepted_at), 0) AS last_at FROM accepted_losses")
    assert row is not None, "it counts"
    accepted_at = max(now_us, row["last_at"] + 1)
    loss = AcceptedLoss(accepted_at, lost_from_at, lost_until_at, reason)
    await tx.insert("accepted_losses", _COLUMNS, [_values(loss)])
    return loss


async def newest(tx: Transaction) -> Sequence[AcceptedLoss]:
    rows = await tx.fetch(
        f"SELECT {', '.join(_COLUMNS)} FROM accepted_losses ORDER BY accepted_at DESC LIMIT {_LISTED_MAX}"
    )
    return [AcceptedLoss(*row) for row in rows]


_COLUMNS: Final = AcceptedLoss.__slots__


def _values(loss: AcceptedLoss) -> tuple[object, ...]:
    return tuple(getattr(loss, name) for name in _COLUMNS)
