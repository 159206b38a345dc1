"""Keep payments that weren't credited, each of which can be returned separately.

These are second payments of an order, and payments of a plan that wait for an operator. While closed_at is null,
not all of the money was returned.
"""

from collections.abc import Iterable, Sequence

from billing.engine.batch_state import ReadSet
from billing.ledger.price import Price
from billing.orders import refund
from billing.orders.order import Order
from billing.orders.refund import Reversal, SaleWorkingSet
from kernel.ids import new_id
from kernel.tenant import OfTenant
from store.database import Transaction
from store.row_mapping import RowMapping


class UncreditedPayment(OfTenant, frozen=True, kw_only=True):
    id: str
    order_id: str
    provider: str
    payment_ref: str
    amount: int
    currency: str
    refunded_amount: int = 0
    created_at: int
    closed_at: int | None = None

    @property
    def price(self) -> Price:
        return Price(self.amount, self.currency)

    @property
    def left_amount(self) -> int:
        return self.amount - self.refunded_amount


class UncreditedPayments(SaleWorkingSet):
    rank = 61

    def __init__(self) -> None:
        super().__init__()
        self.orders: set[str] = set()
        self._known: dict[str, UncreditedPayment] = {}
        self._new: dict[str, UncreditedPayment] = {}
        self._changed: dict[str, UncreditedPayment] = {}

    async def load(self, tx: Transaction, read_set: ReadSet, now_us: int) -> None:  # noqa: ARG002
        if not self.orders:
            return
        found = await of_orders(tx, self.orders)
        self._known = {one.id: one for one in found if one.tenant in read_set.tenants}
        if self._known:
            self.reversals.take(await load_reversals(tx, self._known))
            self.refunds.take(await refund.load(tx, self._known))

    async def update(self, tx: Transaction, now_us: int) -> None:
        new = [one for _, one in sorted(self._new.items())]
        await tx.insert(
            "uncredited_payments",
            ROWS.columns,
            [ROWS.write(one) for one in new],
            on_conflict="ON CONFLICT DO NOTHING",
        )
        if self._changed:
            rows = [_CHANGED.write(one) for _, one in sorted(self._changed.items())]
            await tx.execute(_UPDATE, rows=rows)
        await _keep_reversals(tx, self.reversals.changed)
        await self.refunds.write(tx, now_us)

    def of_order(self, order_id: str) -> Sequence[UncreditedPayment]:
        found = [one for one in self._known.values() if one.order_id == order_id]
        return sorted(found, key=lambda one: one.id)

    def find(self, payment_id: str) -> UncreditedPayment | None:
        return self._known.get(payment_id)

    def named(self, order_id: str, payment_ref: str) -> UncreditedPayment | None:
        return next(
            (one for one in self.of_order(order_id) if one.payment_ref == payment_ref), None
        )

    def open_refund(self, order_id: str) -> refund.Refund | None:
        found = (self.refunds.open_of(one.id) for one in self.of_order(order_id))
        return next((one for one in found if one is not None), None)

    def keep(self, payment: UncreditedPayment) -> None:
        self.changed()
        is_new = payment.id not in self._known or payment.id in self._new
        self._known[payment.id] = payment
        (self._new if is_new else self._changed)[payment.id] = payment


def new_payment(order: Order, payment_ref: str, price: Price, now_us: int) -> UncreditedPayment:
    return UncreditedPayment(
        id=new_id("pay"),
        account_id=order.account_id,
        environment=order.environment,
        order_id=order.id,
        provider=order.provider,
        payment_ref=payment_ref,
        amount=price.amount,
        currency=price.currency,
        created_at=now_us,
    )


async def of_orders(tx: Transaction, order_ids: Iterable[str]) -> list[UncreditedPayment]:
    rows = await tx.fetch(_LOAD, ids=sorted(set(order_ids)))
    return [ROWS.read(row) for row in rows]


async def find_told(
    tx: Transaction, order: Order, names: Iterable[str], amount: int | None
) -> UncreditedPayment | None:
    """Return the uncredited payment that a report is about, or None if it is about the order's own payment.

    `names` are IDs of the payment or the refund. If the response to a refund was lost and the provider names only
    the checkout, `amount` identifies the refund.
    """
    found = await of_orders(tx, [order.id])
    if not found:
        return None
    named = set(names)
    own = next((one for one in found if one.payment_ref in named), None)
    if own is not None:
        return own
    asked = await refund.load(tx, [order.id, *(one.id for one in found)])
    owners = {one.owner_id for one in asked if {one.id, one.provider_refund_id} & named}
    if not owners and order.payment_id not in named:
        nameless = [one for one in asked if one.is_open and one.provider_refund_id is None]
        alike = {one.owner_id for one in nameless if one.amount == amount}
        owners = alike if len(alike) == 1 else set()
    return next((one for one in found if one.id in owners), None)


async def load_reversals(tx: Transaction, payment_ids: Iterable[str]) -> list[Reversal]:
    rows = await tx.fetch(_LOAD_REVERSALS, ids=sorted(set(payment_ids)))
    return [refund.read_row(row) for row in rows]


async def _keep_reversals(tx: Transaction, reversals: Iterable[Reversal]) -> None:
    await tx.insert(
        "uncredited_reversals",
        ("payment_id", *refund.COLUMNS),
        [refund.write_row(one) for one in reversals],
        on_conflict=f"ON CONFLICT (payment_id, key) {refund.ON_CONFLICT}",
    )


ROWS = RowMapping(UncreditedPayment)
_CHANGED = ROWS.part("id", "refunded_amount", "closed_at")
_LOAD = f"SELECT {ROWS.listed} FROM uncredited_payments WHERE order_id IN :ids[text] ORDER BY id"
_UPDATE = f"""
UPDATE uncredited_payments SET {ROWS.part("refunded_amount", "closed_at").assigned}
FROM :rows[{_CHANGED.typed}] AS v WHERE uncredited_payments.id = v.id
"""
_LOAD_REVERSALS = f"""
SELECT payment_id, {refund.LISTED} FROM uncredited_reversals WHERE payment_id IN :ids[text]
"""
