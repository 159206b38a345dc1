"""Place an order with a fixed price and discount, before any provider is called.

An order is refused before payment if the account couldn't hold its credit. A retry with the same Idempotency-Key finds
the first order.
"""

from dataclasses import dataclass
from typing import Literal

from billing.catalog.coupon import Coupon, CouponRefused, discount_of, normalise_code
from billing.catalog.plan import PlanItem
from billing.engine.batch_state import BatchState, ReadSet
from billing.ledger.ledger import LedgerAccountKind
from billing.ledger.money import BALANCE_MICROS_MAX, CURRENCY, cents_to_micros
from billing.ledger.price import Price, convert
from billing.orders.order import LIVES_US, Order, TooManyOrders, next_check_at
from billing.orders.settlement import settle
from billing.orders.working_set import OrderWorkingSet
from billing.providers.protocol import Charge, CheckoutKind
from billing.topups.send import AmountOutOfRange
from kernel.errors import InvalidInput, NotFound
from kernel.tenant import Tenant

AMOUNT_CENTS_MIN = 100
AMOUNT_CENTS_MAX = 1_000_000
PENDING_ORDERS_MAX = 200
# An unpaid order with a coupon reserves one use of the coupon until it ends.
COUPON_ORDERS_MAX = 5
_OWN_CURRENCY = Charge()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """An order to place. Exactly one of pack_id, amount_cents (USD) and plan is set.

    `charge` contains the provider's currency and rate. `discount` is a discount without a coupon, in the currency's
    smallest unit. `request_digest` is a digest of the Idempotency-Key.
    """

    provider: str
    charge: Charge = _OWN_CURRENCY
    kind: CheckoutKind = "payment"
    pack_id: str | None = None
    amount_cents: int | None = None
    plan: PlanItem | None = None
    coupon: str | None = None
    discount: int = 0
    is_simulated: bool = False
    method: str | None = None
    customer_ref: str | None = None
    success_url: str | None = None
    cancel_url: str | None = None
    oauth_app_id: str | None = None
    created_by: str | None = None
    request_digest: str | None = None
    origin: Literal["recharge"] | None = None
    saves_payment: bool = False


@dataclass(frozen=True, slots=True)
class Placed:
    order: Order
    is_new: bool


@dataclass(frozen=True, slots=True)
class SoldItem:
    price: Price
    credits_micros: int
    pack_name: str | None = None


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """Place an order. Its IDs are chosen before the first attempt."""

    order_id: str
    order_no: str
    reference: str
    tenant: Tenant
    new: NewOrder

    def declare(self, read_set: ReadSet) -> None:
        read_set.tenants.add(self.tenant)
        working_set = read_set.working_set(OrderWorkingSet)
        working_set.counted.add(self.tenant)
        if self.new.pack_id is not None:
            working_set.pack_places.add((self.tenant.environment, self.new.pack_id))
        if self.new.coupon is not None:
            working_set.coupon_codes.add((self.tenant.environment, normalise_code(self.new.coupon)))
        if self.new.request_digest is not None:
            working_set.requests.add((*self.tenant, self.new.request_digest))
        read_set.places.add((*self.tenant, LedgerAccountKind.PROVIDER, self.new.provider))
        read_set.places.add((*self.tenant, LedgerAccountKind.PROMOTION, ""))

    def decide(self, state: BatchState) -> Placed:
        working_set = state.working_set(OrderWorkingSet)
        if self.new.request_digest is not None:
            earlier = working_set.of_request((*self.tenant, self.new.request_digest))
            if earlier is not None:
                return Placed(earlier, is_new=False)
        state.check_not_suspended(self.tenant)
        unpaid = working_set.pending(self.tenant)
        if unpaid.orders >= PENDING_ORDERS_MAX:
            raise TooManyOrders(f"An account can have at most {PENDING_ORDERS_MAX} unpaid orders.")
        if self.new.coupon is not None and unpaid.with_coupon >= COUPON_ORDERS_MAX:
            raise TooManyOrders(
                f"An account can have at most {COUPON_ORDERS_MAX} unpaid orders with a coupon. Pay "
                "one, or wait until one expires."
            )
        self.check(state)
        order = self._order(state)
        self._check_creditable(state, order)
        working_set.add(order)
        self.begin(state, order)
        if order.coupon_id is not None:
            working_set.coupons.claim(order.coupon_id, order.id, order.account_id)
        if order.pay_amount == 0:
            order = settle(state, order, payment_id=None)
        return Placed(order, is_new=True)

    def check(self, state: BatchState) -> None: ...

    def begin(self, state: BatchState, order: Order) -> None: ...

    def trial_days(self, state: BatchState) -> int:  # noqa: ARG002
        return 0

    def item(self, state: BatchState) -> SoldItem:
        if (self.new.pack_id is None) == (self.new.amount_cents is None):
            raise InvalidInput("Give a pack or an amount, not both.", param="pack_id")
        if self.new.pack_id is not None:
            pack = state.working_set(OrderWorkingSet).pack(
                (self.tenant.environment, self.new.pack_id)
            )
            if pack is None or not pack.is_active:
                raise NotFound("Pack", param="pack_id")
            return SoldItem(pack.price, pack.credits_micros, pack.name)
        cents = self.new.amount_cents or 0
        if not AMOUNT_CENTS_MIN <= cents <= AMOUNT_CENTS_MAX:
            raise AmountOutOfRange(
                f"`amount_cents` must be from {AMOUNT_CENTS_MIN} to {AMOUNT_CENTS_MAX}.",
                param="amount_cents",
                extra={"min": AMOUNT_CENTS_MIN, "max": AMOUNT_CENTS_MAX},
            )
        return SoldItem(Price(cents, CURRENCY), cents_to_micros(cents))

    @property
    def charge(self) -> Charge:
        """Return the currency of the charge. A price or product that the provider stores has its own currency."""
        plan = self.new.plan
        return self.new.charge if plan is None or plan.product_ref is None else _OWN_CURRENCY

    def _order(self, state: BatchState) -> Order:
        item = self.item(state)
        coupon, discount = self._discount(state, item.price)
        left = Price(item.price.amount - discount, item.price.currency)
        if left.amount == 0 and self.new.kind == "subscription":
            raise CouponRefused(
                "A coupon can't make a subscription free. Use a coupon that leaves something to pay.",
                param="coupon",
                reason="kind",
            )
        pay = charged(left, self.charge)
        return Order(
            id=self.order_id,
            account_id=self.tenant.account_id,
            environment=self.tenant.environment,
            order_no=self.order_no,
            reference=self.reference,
            status="pending",
            pack_name=item.pack_name,
            amount=item.price.amount,
            currency=item.price.currency,
            discount=discount,
            pay_amount=pay.amount,
            pay_currency=pay.currency,
            credits_micros=item.credits_micros,
            promotional_micros=_promotional(item, discount) if coupon is not None else 0,
            coupon_id=None if coupon is None else coupon.id,
            coupon_code=None if coupon is None else coupon.code,
            next_check_at=next_check_at(0, state.now_us),
            created_at=state.now_us,
            expires_at=state.now_us + LIVES_US[self.new.kind],
            plan_id=None if self.new.plan is None else self.new.plan.plan_id,
            interval=None if self.new.plan is None else self.new.plan.interval,
            trial_days=self.trial_days(state) or None,
            **{name: getattr(self.new, name) for name in _TAKEN_OVER},
        )

    def _discount(self, state: BatchState, price: Price) -> tuple[Coupon | None, int]:
        if self.new.coupon is None:
            assert 0 <= self.new.discount < price.amount, "a price is left"
            return None, self.new.discount
        coupons = state.working_set(OrderWorkingSet).coupons
        coupon = coupons.find(self.tenant.environment, normalise_code(self.new.coupon))
        used = coupons.used_by(coupon, self.tenant.account_id)
        own_now_us = state.now_of(self.tenant)
        return coupon, discount_of(coupon, price, used_by_account=used, now_us=own_now_us)

    def _check_creditable(self, state: BatchState, order: Order) -> None:
        sold = state.ledger.account(
            self.tenant, LedgerAccountKind.PROVIDER, order.provider
        ).balance_micros
        held = state.ledger.balance_micros(self.tenant, state.now_us)
        if max(sold, held) + order.credits_micros > BALANCE_MICROS_MAX:
            raise AmountOutOfRange("The account can't hold that much credit.", param="amount_cents")


_TAKEN_OVER = (
    "kind",
    "provider",
    "is_simulated",
    "method",
    "pack_id",
    "customer_ref",
    "success_url",
    "cancel_url",
    "oauth_app_id",
    "created_by",
    "request_digest",
    "origin",
    "saves_payment",
)


def _promotional(item: SoldItem, discount: int) -> int:
    return item.credits_micros * discount // item.price.amount


def charged(price: Price, charge: Charge) -> Price:
    if charge.currency in {"", price.currency}:
        return price
    if charge.rate is None or price.currency != CURRENCY:
        raise InvalidInput(
            f"The provider charges in {charge.currency}, and there is no exchange rate from "
            f"{price.currency}.",
            param="provider",
        )
    return convert(price, charge.currency, charge.rate)
