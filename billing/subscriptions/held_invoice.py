"""Held."""

from collections.abc import Iterable, Sequence

import msgspec

from billing.ledger.price import Price
from billing.orders.records import ObjectKey
from store.database import Transaction
from store.row_mapping import RowMapping


class HeldInvoice(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    provider: str
    environment: str
    invoice_id: str
    account_id: str
    subscription_id: str
    provider_ref: str
    customer_ref: str | None = None
    product_ref: str | None = None
    period_start_at: int
    period_end_at: int
    amount: int
    paid_amount: int
    currency: str
    plan_id: str
    price_amount: int
    price_currency: str
    credits_micros: int
    created_at: int
    resolved_at: int | None = None

    @property
    def came(self) -> Price:
        return Price(self.amount, self.currency)

    @property
    def paid(self) -> Price:
        return Price(self.paid_amount, self.currency)

    @property
    def price(self) -> Price:
        return Price(self.price_amount, self.price_currency)


async def load(tx: Transaction, subscription_ids: Iterable[str]) -> list[HeldInvoice]:
    rows = await tx.fetch(_LOAD, ids=sorted(set(subscription_ids)))
    return [_ROWS.read(row) for row in rows]


async def keep(tx: Transaction, held: Sequence[HeldInvoice]) -> None:
    await tx.insert(
        "held_invoices",
        _ROWS.columns,
        [_ROWS.write(one) for one in sorted(held, key=lambda one: one.invoice_id)],
        on_conflict="ON CONFLICT DO NOTHING",
    )


async def resolve(tx: Transaction, held: Iterable[HeldInvoice], *, now_us: int) -> None:
    for one in sorted(held, key=lambda each: each.invoice_id):
        await tx.execute(
            """UPDATE held_invoices SET resolved_at = :now
               WHERE provider = :provider AND environment = :environment
                 AND invoice_id = :invoice_id AND resolved_at IS NULL""",
            now=now_us,
            provider=one.provider,
            environment=one.environment,
            invoice_id=one.invoice_id,
        )


async def reopen(tx: Transaction, places: Iterable[ObjectKey]) -> None:
    for provider, environment, invoice_id in sorted(set(places)):
        await tx.execute(
            """UPDATE held_invoices SET resolved_at = NULL
               WHERE provider = :provider AND environment = :environment
                 AND invoice_id = :invoice_id""",
            provider=provider,
            environment=environment,
            invoice_id=invoice_id,
        )


_ROWS = RowMapping(HeldInvoice)
_LOAD = f"""
SELECT {_ROWS.listed} FROM held_invoices
WHERE subscription_id IN :ids[text] AND resolved_at IS NULL
ORDER BY period_start_at, invoice_id
"""
