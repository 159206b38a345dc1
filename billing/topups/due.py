"""Which pending top-ups the worker should look at. Reads only."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from kernel.tenant import Tenant
from store.database import Transaction


class Due(NamedTuple):
    """What a sweep needs of a top-up: nothing that takes reading, so that no row stops the others."""

    id: str
    tenant: Tenant
    platform: str
    fulfilment: str
    supplier: str | None
    checks_made: int
    recipient_email: str


async def due(
    tx: Transaction,
    *,
    now_us: int,
    limit: int,
    but_ids: Sequence[str] = (),
    but_suppliers: Sequence[tuple[str, str]] = (),
) -> list[Due]:
    """Pending top-ups that the worker should look at, the longest due first; but for the named.

    but_suppliers: (environment, supplier) pairs.
    """
    rows = await tx.fetch(
        f"""SELECT id, account_id, environment, platform, fulfilment, supplier, checks_made,
                recipient_email FROM topups
            WHERE status = 'pending' AND next_check_at IS NOT NULL AND next_check_at <= :now
            {_but(but_ids, but_suppliers)}
            ORDER BY next_check_at LIMIT :limit""",
        now=now_us,
        limit=limit,
        **_but_values(but_ids, but_suppliers),
    )
    return [Due(row[0], Tenant(row[1], row[2]), *row[3:8]) for row in rows]


async def next_due_at(
    tx: Transaction,
    *,
    but_ids: Sequence[str] = (),
    but_suppliers: Sequence[tuple[str, str]] = (),
) -> int | None:
    """When the next pending top-up but for the named is to be looked at, or None."""
    row = await tx.fetch_one(
        f"""SELECT next_check_at FROM topups
            WHERE status = 'pending' AND next_check_at IS NOT NULL
            {_but(but_ids, but_suppliers)}
            ORDER BY next_check_at LIMIT 1""",
        **_but_values(but_ids, but_suppliers),
    )
    return None if row is None else int(row["next_check_at"])


def _but(ids: Sequence[str], suppliers: Sequence[tuple[str, str]]) -> str:
    without_ids = "AND NOT id IN :but_ids[text]" if ids else ""
    # A pair as one word, since a list holds words; neither part of a pair has a slash.
    without_suppliers = (
        "AND (supplier IS NULL OR NOT environment || '/' || supplier IN :but_suppliers[text])"
        if suppliers
        else ""
    )
    return f"{without_ids} {without_suppliers}"


def _but_values(ids: Sequence[str], suppliers: Sequence[tuple[str, str]]) -> dict[str, Any]:
    pairs = ["/".join(pair) for pair in suppliers]
    return {**({"but_ids": ids} if ids else {}), **({"but_suppliers": pairs} if pairs else {})}
