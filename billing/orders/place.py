"""Placing an order: priced, discounted, frozen, and written before any provider is asked.

Promise: what could not be credited is refused before it is paid for; an order of nothing is paid at
once. A try that is repeated with its Idempotency-Key finds the order it made.
"""

import secrets
from dataclasses import dataclass

from msgspec.structs import replace

from billing.catalog.coupon import Coupon, CouponRefused, discount_of, normalise_code
from billing.catalog.plan import PlanItem as PlanItem
from billing.engine.batch_state import BatchState
from billing.engine.read_set import ReadSet
from billing.ledger.ledger import Kind, Scope
from billing.ledger.money import BALANCE_MICROS_MAX, CURRENCY, cents_to_micros
from billing.ledger.price import Price, convert
from billing.orders.order import LIVES_US, Order, TooManyOrders, next_check_at
from billing.orders.settlement import settle
from billing.orders.working_set import OrderWorkingSet
from billing.providers.protocol import CheckoutKind
from billing.providers.settings import Charge
from billing.subscriptions.subscription import AlreadySubscribed, Subscription
from billing.subscriptions.working_set import SubscriptionWorkingSet
from billing.topups.send import AmountOutOfRange
from kernel.errors import InvalidInput, NotFound
from kernel.ids import new_id

AMOUNT_CENTS_MIN = 100
AMOUNT_CENTS_MAX = 1_000_000
PENDING_ORDERS_MAX = 200
_OWN_CURRENCY = Charge()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """What is asked for: one of pack_id, amount_cents (USD) and plan; texts were judged before.

    charge: what the provider charges in. coupon: as it was typed; discount: what the operator takes
    off the price without one, in its smallest unit. is_stand_in: the sandbox's page
    takes the provider's place. request_digest: of the Idempotency-Key; a later try finds the order.
    """

    provider: str
    charge: Charge = _OWN_CURRENCY
    kind: CheckoutKind = "payment"
    pack_id: str | None = None
    amount_cents: int | None = None
    plan: PlanItem | None = None
    coupon: str | None = None
    discount: int = 0
    is_stand_in: bool = False
    method: str | None = None
    customer_ref: str | None = None
    success_url: str | None = None
    cancel_url: str | None = None
    oauth_app_id: str | None = None
    created_by: str | None = None
    request_digest: str | None = None


class PlanCheckoutOpen(AlreadySubscribed):
    """Another checkout of a plan is open: two paid ones would be two plans of one account."""

    def __init__(self, order: Order) -> None:
        self.order = order
        super().__init__(
            f"the checkout of order {order.id} is open: pay that one, or wait until it ends",
            reason="checkout_open",
            extra={"order_id": order.id, "url": order.url},
        )


@dataclass(frozen=True, slots=True)
class Placed:
    """The order; is_new: this call made it. One whose total is 0 is paid already."""

    order: Order
    is_new: bool


@dataclass(frozen=True, slots=True)
class _Item:
    """What is sold: its list price and the credit for it."""

    price: Price
    credits_micros: int
    pack_name: str | None = None


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """Writes the order, before any provider is asked. Its ids are fixed before the first try.

    A plan's order begins a subscription, which stays incomplete until its first period is paid.
    Raises NotFound (the pack), CouponRefused, AmountOutOfRange, InvalidInput, TooManyOrders and
    AlreadySubscribed.
    """

    order_id: str
    order_no: str
    reference: str
    scope: Scope
    new: NewOrder

    def declare(self, read_set: ReadSet) -> None:
        read_set.scopes.add(self.scope)
        working_set = read_set.working_set(OrderWorkingSet)
        working_set.counted.add(self.scope)
        if self.new.pack_id is not None:
            working_set.pack_places.add((self.scope[1], self.new.pack_id))
        if self.new.coupon is not None:
            working_set.coupon_codes.add((self.scope[1], normalise_code(self.new.coupon)))
        if self.new.request_digest is not None:
            working_set.requests.add((*self.scope, self.new.request_digest))
        if self.new.plan is not None:
            read_set.working_set(SubscriptionWorkingSet).living.add(self.scope)
            working_set.open_plans.add(self.scope)
        read_set.places.add((*self.scope, Kind.PROVIDER, self.new.provider))
        read_set.places.add((*self.scope, Kind.PROMOTION, ""))

    def decide(self, state: BatchState) -> Placed:
        working_set = state.working_set(OrderWorkingSet)
        if self.new.request_digest is not None:
            earlier = working_set.of_request((*self.scope, self.new.request_digest))
            if earlier is not None:
                return Placed(earlier, is_new=False)
        if working_set.pending(self.scope) >= PENDING_ORDERS_MAX:
            raise TooManyOrders(f"an account has at most {PENDING_ORDERS_MAX} unpaid orders")
        self._check_unsubscribed(state)
        order = self._order(state)
        self._check_creditable(state, order)
        working_set.add(order)
        if self.new.plan is not None:
            begun = _subscription(order, self.new.plan, self._charge)
            plans = state.working_set(SubscriptionWorkingSet)
            carried = plans.carried(self.scope, begun.provider, begun.currency)
            plans.add(replace(begun, carried_amount=carried))
        if order.coupon_id is not None:
            working_set.coupons.claim(order.coupon_id, order.id, order.account_id)
        if order.pay_amount == 0:
            order = settle(state, order, payment_id=None)
        return Placed(order, is_new=True)

    def _order(self, state: BatchState) -> Order:
        item = self._item(state)
        coupon, discount = self._discount(state, item.price)
        left = Price(item.price.amount - discount, item.price.currency)
        if left.amount == 0 and self.new.kind == "subscription":
            raise CouponRefused(
                "a subscription is paid at its provider", param="coupon", reason="kind"
            )
        pay = _charged(left, self._charge)
        return Order(
            id=self.order_id,
            account_id=self.scope[0],
            environment=self.scope[1],
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
            **{name: getattr(self.new, name) for name in _TAKEN_OVER},
        )

    @property
    def _charge(self) -> Charge:
        """A provider's own price or product has its own currency."""
        plan = self.new.plan
        return self.new.charge if plan is None or plan.product_ref is None else _OWN_CURRENCY

    def _check_unsubscribed(self, state: BatchState) -> None:
        if self.new.plan is None:
            return
        working_set = state.working_set(SubscriptionWorkingSet)
        living = working_set.living_of(self.scope) or working_set.taken_of(self.scope)
        if living is not None:
            raise AlreadySubscribed(
                f"the account has the plan {living.plan_name}; change it in the portal",
                reason="already_subscribed",
                extra={"plan_id": living.plan_id},
            )
        begun = state.working_set(OrderWorkingSet).open_plan(self.scope)
        if begun is not None:
            raise PlanCheckoutOpen(begun)

    def _item(self, state: BatchState) -> _Item:
        chosen = (self.new.pack_id, self.new.amount_cents, self.new.plan)
        if sum(one is not None for one in chosen) != 1:
            raise InvalidInput("name either a pack or an amount", param="pack_id")
        if self.new.plan is not None:
            return _Item(self.new.plan.price, 0, self.new.plan.name or None)
        if self.new.pack_id is not None:
            pack = state.working_set(OrderWorkingSet).pack((self.scope[1], self.new.pack_id))
            if pack is None or not pack.is_active:
                raise NotFound("Pack", param="pack_id")
            return _Item(pack.price, pack.credits_micros, pack.name)
        cents = self.new.amount_cents or 0
        if not AMOUNT_CENTS_MIN <= cents <= AMOUNT_CENTS_MAX:
            raise AmountOutOfRange(
                f"amount_cents is {AMOUNT_CENTS_MIN} to {AMOUNT_CENTS_MAX}",
                param="amount_cents",
                extra={"min": AMOUNT_CENTS_MIN, "max": AMOUNT_CENTS_MAX},
            )
        return _Item(Price(cents, CURRENCY), cents_to_micros(cents))

    def _discount(self, state: BatchState, price: Price) -> tuple[Coupon | None, int]:
        if self.new.coupon is None:
            assert 0 <= self.new.discount < price.amount, "a price is left"
            return None, self.new.discount
        coupons = state.working_set(OrderWorkingSet).coupons
        coupon = coupons.find(self.scope[1], normalise_code(self.new.coupon))
        used = coupons.used_by(coupon, self.scope[0])
        own_now_us = state.now_of(self.scope)
        return coupon, discount_of(coupon, price, used_by_account=used, now_us=own_now_us)

    def _check_creditable(self, state: BatchState, order: Order) -> None:
        """What cannot be credited must not be paid for."""
        sold = state.ledger.account(self.scope, Kind.PROVIDER, order.provider).balance_micros
        held = state.ledger.balance_micros(self.scope, state.now_us)
        if max(sold, held) + order.credits_micros > BALANCE_MICROS_MAX:
            raise AmountOutOfRange("the account cannot hold so much credit", param="amount_cents")


def new_place(scope: Scope, new: NewOrder) -> PlaceOrder:
    """The command with fresh ids; raises CouponRefused for what no coupon can be called."""
    if new.coupon is not None:
        normalise_code(new.coupon)
    order_no = secrets.token_hex(16)
    return PlaceOrder(new_id("ord"), order_no, new_id("txn"), scope, new)


# Fields of the wish that the order has under the same name.
_TAKEN_OVER = (
    "kind",
    "provider",
    "is_stand_in",
    "method",
    "pack_id",
    "customer_ref",
    "success_url",
    "cancel_url",
    "oauth_app_id",
    "created_by",
    "request_digest",
)


def _subscription(order: Order, plan: PlanItem, charge: Charge) -> Subscription:
    """The order's subscription, by terms that are its own from now on."""
    price = _charged(plan.price, charge)
    return Subscription(
        id=new_id("sub"),
        account_id=order.account_id,
        environment=order.environment,
        order_id=order.id,
        provider=order.provider,
        is_stand_in=order.is_stand_in,
        plan_id=plan.plan_id,
        plan_name=plan.name,
        interval=plan.interval,
        credits_micros=plan.credits_micros,
        amount=price.amount,
        currency=price.currency,
        first_amount=order.pay_amount,
        product_ref=plan.product_ref,
        created_at=order.created_at,
    )


def _promotional(item: _Item, discount: int) -> int:
    """The part of the credit that a coupon pays for; a lower price of the operator's gives none."""
    return item.credits_micros * discount // item.price.amount


def _charged(price: Price, charge: Charge) -> Price:
    """The price in the provider's currency; raises InvalidInput where no rate leads there."""
    if charge.currency in {"", price.currency}:
        return price
    if charge.rate is None or price.currency != CURRENCY:
        raise InvalidInput(
            f"the provider charges {charge.currency}, and there is no rate from {price.currency}",
            param="provider",
        )
    return convert(price, charge.currency, charge.rate)
