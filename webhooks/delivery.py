"""Deliveries: one event to one endpoint, from its row to its end.

Writes deliveries and attempts, and rate_tat_us and failing_since_at of endpoints.
"""

from collections.abc import Sequence
from typing import Any, Final

from kernel.ids import new_id
from store.db import Transaction

HINT: Final = "deliveries"
PENDING: Final = "pending"

_COLUMNS = (
    "id",
    "event_id",
    "endpoint_id",
    "account_id",
    "environment",
    "event_type",
    "transaction_id",
    "status",
    "attempts_made",
    "next_attempt_at",
    "claim_no",
    "replay_of",
    "created_at",
)
NewRow = tuple[Any, ...]  # in the order of _COLUMNS; made by new_row only


def new_row(
    *,
    event_id: str,
    endpoint_id: str,
    account_id: str,
    environment: str,
    event_type: str,
    transaction_id: str | None,
    next_attempt_at: int,
    created_at: int,
    replay_of: str | None = None,
) -> NewRow:
    """A pending delivery, due at next_attempt_at, for `insert`."""
    return (
        new_id("dlv"),
        event_id,
        endpoint_id,
        account_id,
        environment,
        event_type,
        transaction_id,
        PENDING,
        0,
        next_attempt_at,
        0,
        replay_of,
        created_at,
    )


async def insert(tx: Transaction, rows: Sequence[NewRow]) -> None:
    """Writes the rows in one statement and hints at them after the commit; none is no work."""
    if rows:
        await tx.insert("deliveries", _COLUMNS, rows)
        tx.hint(HINT)
