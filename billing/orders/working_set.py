"""Load and save the orders of one transaction, with their packs, coupons, recharges, reversals and uncredited payments.

Orders are read after their accounts are locked. An order of an account that isn't locked is never found.

Uncredited payments are second payments of an order, and plan payments that are waiting for an operator. Each can be
returned separately. `closed_at` is null until all of the money has been returned.
"""

from collections.abc import Iterable, Sequence

from billing.catalog import pack
from billing.catalog.coupon import CouponKey, Coupons
from billing.catalog.pack import Pack, PackKey
from billing.engine.batch_state import ReadSet
from billing.ledger.ledger import LedgerAccountKey, LedgerAccountKind
from billing.ledger.price import Price
from billing.orders import records as order_rows, refund
from billing.orders.order import SETTLED, Order
from billing.orders.records import ObjectKey, OrderClaim, OrderRequestKey
from billing.orders.refund import Reversal, SaleWorkingSet
from billing.providers import event_log as provider_event
from billing.recharges.recharge import ORIGIN, RechargesOfBatch
from kernel.errors import NotFound
from kernel.ids import new_id
from kernel.tenant import OfTenant, Tenant
from store.database import Transaction
from store.row_mapping import RowMapping


class OrderWorkingSet(SaleWorkingSet):
    rank = 60

    def __init__(self) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.requests: set[OrderRequestKey] = set()
        self.pack_places: set[PackKey] = set()
        self.coupon_codes: set[CouponKey] = set()
        self.counted: set[Tenant] = set()  # for unpaid orders
        self.open_plans: set[Tenant] = set()  # for plans' orders
        self.claims: set[OrderClaim] = set()
        self.attached: dict[str, tuple[str, ...]] = {}  # by order
        self.coupons = Coupons()
        self.recharges = RechargesOfBatch()
        self._packs: dict[PackKey, Pack] = {}
        self._orders: dict[str, Order] = {}
        self._requests: dict[OrderRequestKey, str] = {}
        self._pending: dict[Tenant, order_rows.Unpaid] = {}
        self._open_plans: dict[Tenant, Order] = {}
        self._owners: dict[ObjectKey, str] = {}
        self._open: set[str] = set()
        self._new: dict[str, Order] = {}
        self._changed: dict[str, Order] = {}
        self._resolved: set[str] = set()
        self._resolved_payments: set[tuple[str, str]] = set()

    @property
    def changes(self) -> int:  # type: ignore[override]
        return super().changes + self.coupons.changes + self.recharges.changes

    async def load(self, tx: Transaction, read_set: ReadSet, now_us: int) -> None:
        """Read all rows in a fixed number of statements. Coupons are locked in the order of their IDs."""
        await self._load_orders(tx, read_set)
        if self.pack_places:
            self._packs = await pack.load(tx, self.pack_places)
        if self.counted:
            self._pending = await order_rows.count_pending(tx, self.counted)
        if self.open_plans:
            self._open_plans = await order_rows.load_open_plans(tx, self.open_plans)
        await self.recharges.load(
            tx, (order.id for order in self._orders.values() if order.origin == ORIGIN)
        )
        held = [order for order in self._orders.values() if order.status not in SETTLED]
        coupon_ids = {order.coupon_id for order in held if order.coupon_id is not None}
        if coupon_ids or self.coupon_codes:
            account_ids = {account_id for account_id, _ in read_set.tenants}
            await self.coupons.load(
                tx, codes=self.coupon_codes, ids=coupon_ids, account_ids=account_ids
            )
        claims = self._genuine_claims()
        if claims:
            self._owners = await order_rows.claim(tx, claims, now_us=now_us)

    async def _load_orders(self, tx: Transaction, read_set: ReadSet) -> None:
        found = list((await order_rows.load(tx, self.ids)).values()) if self.ids else []
        if self.requests:
            resumed = await order_rows.load_requests(tx, self.requests)
            self._requests = {place: order.id for place, order in resumed.items()}
            found += resumed.values()
        self._orders = {order.id: order for order in found if order.tenant in read_set.tenants}
        for order in self._orders.values():
            read_set.places.update(places_of(order))
        if self._orders:
            self.reversals.take(await order_rows.load_reversals(tx, self._orders))
            self.refunds.take(await refund.load(tx, self._orders))
            self._open = await provider_event.open_orders(tx, self._orders)

    async def update(self, tx: Transaction, now_us: int) -> None:
        await order_rows.insert(tx, list(self._new.values()))
        await order_rows.update(tx, list(self._changed.values()))
        await order_rows.save_reversals(tx, self.reversals.changed)
        await self.refunds.write(tx, now_us)
        await self.coupons.flush(tx, now_us)
        await self.recharges.update(tx)
        # Resolve earlier entries first, because the new ones must stay unresolved.
        if self._resolved:
            await provider_event.resolve(tx, self._resolved, now_us=now_us)
        await provider_event.resolve_payments(tx, self._resolved_payments, now_us=now_us)
        await self.write_log(tx)

    def find(self, order_id: str, tenant: Tenant) -> Order:
        found = self._orders.get(order_id)
        if found is None or found.tenant != tenant:
            raise NotFound("Order", param="id")
        return found

    def of_request(self, place: OrderRequestKey) -> Order | None:
        order_id = self._requests.get(place)
        return None if order_id is None else self._orders.get(order_id)

    def pending(self, tenant: Tenant) -> order_rows.Unpaid:
        return self._pending.get(tenant, order_rows.Unpaid())

    def open_plan(self, tenant: Tenant) -> Order | None:
        return self._open_plans.get(tenant)

    def pack(self, place: PackKey) -> Pack | None:
        return self._packs.get(place)

    def owner_of(self, claim: OrderClaim) -> str | None:
        return self._owners.get(claim.key)

    def add(self, order: Order) -> None:
        self.changed()
        self._orders[order.id] = self._new[order.id] = order
        if order.status == "pending":
            before = self.pending(order.tenant)
            holds_use = order.coupon_id is not None
            self._pending[order.tenant] = order_rows.Unpaid(
                before.orders + 1, before.with_coupon + holds_use
            )
        if order.kind == "subscription":
            self._open_plans[order.tenant] = order
        if order.request_digest is not None:
            self._requests[*order.tenant, order.request_digest] = order.id

    def change(self, order: Order) -> None:
        self.changed()
        self._orders[order.id] = order
        (self._new if order.id in self._new else self._changed)[order.id] = order

    def is_open(self, order_id: str) -> bool:
        return order_id in self._open

    def resolve(self, order_id: str) -> None:
        self.changed()
        self._open.discard(order_id)
        self._resolved.add(order_id)

    def resolve_payment(self, order_id: str, payment_ref: str) -> None:
        self.changed()
        self._resolved_payments.add((order_id, payment_ref))

    def _genuine_claims(self) -> list[OrderClaim]:
        genuine = []
        for claim in self.claims:
            order = self._orders.get(claim.order_id)
            named = (claim.provider, claim.environment)
            if order is not None and (order.provider, order.environment) == named:
                genuine.append(claim)
        for order_id, object_ids in self.attached.items():
            order = self._orders.get(order_id)
            if order is not None:
                at = (order.provider, order.environment)
                genuine += [OrderClaim(*at, one, order.account_id, order_id) for one in object_ids]
        return genuine


def places_of(order: Order) -> set[LedgerAccountKey]:
    places = {(*order.tenant, LedgerAccountKind.PROVIDER, order.provider)}
    if order.promotional_micros:
        places.add((*order.tenant, LedgerAccountKind.PROMOTION, ""))
        places.add((*order.tenant, LedgerAccountKind.GRANT, order.id))
    return {(account_id, env, str(kind), name) for account_id, env, kind, name in places}


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
        found = await uncredited_of(tx, self.orders)

        self._known = {one.id: one for one in found if one.tenant in read_set.tenants}
        if self._known:
            self.reversals.take(await _load_uncredited_reversals(tx, self._known))
            self.refunds.take(await refund.load(tx, self._known))

    async def update(self, tx: Transaction, now_us: int) -> None:
        new = [one for _, one in sorted(self._new.items())]
        await tx.insert(
            "uncredited_payments",
            UNCREDITED.columns,
            [UNCREDITED.write(one) for one in new],
            on_conflict="ON CONFLICT DO NOTHING",
        )
        if self._changed:
            rows = [_CHANGED.write(one) for _, one in sorted(self._changed.items())]
            await tx.execute(_UPDATE, rows=rows)
        await _keep_uncredited_reversals(tx, self.reversals.changed)
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

    def save(self, payment: UncreditedPayment) -> None:
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


async def uncredited_of(tx: Transaction, order_ids: Iterable[str]) -> list[UncreditedPayment]:
    rows = await tx.fetch(_LOAD, ids=sorted(set(order_ids)))
    return [UNCREDITED.read(row) for row in rows]


async def find_told(
    tx: Transaction, order: Order, names: Iterable[str], amount: int | None
) -> UncreditedPayment | None:
    """Return the uncredited payment that a report is about, or None if it is about the order's own payment.

    `names` are IDs of the payment or the refund. `amount` identifies a refund if its response was lost and the provider
    names only the checkout.
    """
    found = await uncredited_of(tx, [order.id])
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


async def _load_uncredited_reversals(tx: Transaction, payment_ids: Iterable[str]) -> list[Reversal]:
    rows = await tx.fetch(_REVERSALS, ids=sorted(set(payment_ids)))
    return [refund.read_row(row) for row in rows]


async def _keep_uncredited_reversals(tx: Transaction, reversals: Iterable[Reversal]) -> None:
    await tx.insert(
        "uncredited_reversals",
        ("payment_id", *refund.COLUMNS),
        [refund.write_row(one) for one in reversals],
        on_conflict=f"ON CONFLICT (payment_id, key) {refund.ON_CONFLICT}",
    )


UNCREDITED = RowMapping(UncreditedPayment)
_CHANGED = UNCREDITED.part("id", "refunded_amount", "closed_at")
_LOAD = (
    f"SELECT {UNCREDITED.listed} FROM uncredited_payments WHERE order_id IN :ids[text] ORDER BY id"
)
_UPDATE = f"""
UPDATE uncredited_payments SET {UNCREDITED.part("refunded_amount", "closed_at").assigned}
FROM :rows[{_CHANGED.typed}] AS v WHERE uncredited_payments.id = v.id
"""
_REVERSALS = f"""
SELECT payment_id, {refund.LISTED} FROM uncredited_reversals WHERE payment_id IN :ids[text]
"""
