"""What providers kept of payments, as their own lists show it. Writes payment_fees.

No notification tells a fee, so these rows come from a list that somebody reads
(billing/reconciliation/provider_list.py).
"""

from collections.abc import Iterable, Sequence

import msgspec

from store.database import Transaction
from store.row_mapping import RowMapping


class PaymentFee(msgspec.Struct, frozen=True, kw_only=True):
    """One row; owner_id: the order or the period that was paid for. The columns are in store/schema.py."""

    owner_id: str
    account_id: str
    environment: str
    provider: str
    payment_id: str
    amount: int
    currency: str
    paid_at: int
    recorded_at: int


async def keep(tx: Transaction, fees: Sequence[PaymentFee]) -> None:
    """Writes them, in place of what was told before."""
    await tx.insert(
        "payment_fees",
        _ROWS.columns,
        [_ROWS.write(one) for one in sorted(fees, key=lambda fee: fee.owner_id)],
        on_conflict="""ON CONFLICT (owner_id) DO UPDATE SET payment_id = excluded.payment_id,
            amount = excluded.amount, currency = excluded.currency, paid_at = excluded.paid_at,
            recorded_at = excluded.recorded_at""",
    )


async def load(tx: Transaction, owner_ids: Iterable[str]) -> dict[str, PaymentFee]:
    """Of those whose fee is known."""
    rows = await tx.fetch(
        f"SELECT {_ROWS.listed} FROM payment_fees WHERE owner_id IN :ids[text]",
        ids=sorted(set(owner_ids)),
    )
    return {row["owner_id"]: _ROWS.read(row) for row in rows}


_ROWS = RowMapping(PaymentFee)
