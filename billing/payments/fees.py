"""What providers deducted from payments, from their lists (billing/reconciliation/provider_list.py).

No notification has a fee.
"""

from collections.abc import Iterable, Sequence

import msgspec

from store.database import Transaction
from store.row_mapping import RowMapping


class PaymentFee(msgspec.Struct, frozen=True, kw_only=True):
    """owner_id: the paid order or period. store/schema.py describes the columns."""

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
    await tx.insert(
        "payment_fees",
        _ROWS.columns,
        [_ROWS.write(one) for one in sorted(fees, key=lambda fee: fee.owner_id)],
        on_conflict="""ON CONFLICT (owner_id) DO UPDATE SET payment_id = excluded.payment_id,
            amount = excluded.amount, currency = excluded.currency, paid_at = excluded.paid_at,
            recorded_at = excluded.recorded_at""",
    )


async def load(tx: Transaction, owner_ids: Iterable[str]) -> dict[str, PaymentFee]:
    rows = await tx.fetch(
        f"SELECT {_ROWS.listed} FROM payment_fees WHERE owner_id IN :ids[text]",
        ids=sorted(set(owner_ids)),
    )
    return {row["owner_id"]: _ROWS.read(row) for row in rows}


_ROWS = RowMapping(PaymentFee)
