"""Define the fields that are read from Stripe's objects. The format from before 2025-03 can also be read."""

from typing import Generic, TypeVar

import msgspec

from billing.ledger.price import Price
from billing.providers.protocol import PriceRefused

NAME = "stripe"
API_VERSION = "2026-10-28.endive"
# A subscription's metadata has this key until a schedule has changed its price.
NEXT_PRICE = "topup_next_price"


T = TypeVar("T")


class Named(msgspec.Struct):
    id: str


Ref = str | Named | None


class Page(msgspec.Struct, Generic[T]):
    data: list[T] = []
    has_more: bool = False


class SessionTotals(msgspec.Struct):
    amount_discount: int = 0
    amount_shipping: int | None = 0
    amount_tax: int = 0


class Session(msgspec.Struct):
    id: str
    mode: str = "payment"
    status: str | None = None
    payment_status: str | None = None
    client_reference_id: str | None = None
    metadata: dict[str, str] | None = None
    amount_subtotal: int | None = None
    amount_total: int | None = None
    currency: str | None = None
    total_details: SessionTotals | None = None
    customer: Ref = None
    payment_intent: Ref = None
    subscription: Ref = None
    invoice: Ref = None
    url: str | None = None


class Period(msgspec.Struct):
    start: int
    end: int


class _PriceDetails(msgspec.Struct):
    price: Ref = None


class _Pricing(msgspec.Struct):
    price_details: _PriceDetails | None = None


class _ItemDetails(msgspec.Struct):
    proration: bool = False


class _LineParent(msgspec.Struct):
    subscription_item_details: _ItemDetails | None = None
    invoice_item_details: _ItemDetails | None = None


class Line(msgspec.Struct):
    amount: int = 0
    quantity: int | None = None
    type: str = ""
    period: Period | None = None
    proration: bool = False
    parent: _LineParent | None = None
    price: Ref = None
    pricing: _Pricing | None = None

    @property
    def is_prorated(self) -> bool:
        parent = self.parent or _LineParent()
        details = parent.subscription_item_details or parent.invoice_item_details
        return self.proration or (details is not None and details.proration)

    @property
    def is_subscriptions(self) -> bool:
        parent = self.parent or _LineParent()
        return parent.subscription_item_details is not None or self.type == "subscription"

    @property
    def price_ref(self) -> str | None:
        details = self.pricing.price_details if self.pricing else None
        return ref_id(details.price if details else self.price)


class _Lines(msgspec.Struct):
    data: list[Line] = []


class _SubscriptionDetails(msgspec.Struct):
    subscription: Ref = None
    metadata: dict[str, str] | None = None


class _InvoiceParent(msgspec.Struct):
    subscription_details: _SubscriptionDetails | None = None


class PaidBy(msgspec.Struct):
    payment_intent: Ref = None
    charge: Ref = None


class _InvoicePayment(msgspec.Struct):
    payment: PaidBy | None = None


class _InvoicePayments(msgspec.Struct):
    data: list[_InvoicePayment] = []


class InvoiceTax(msgspec.Struct):
    amount: int = 0
    tax_behavior: str = ""
    inclusive: bool = False
    taxability_reason: str | None = None

    @property
    def is_included(self) -> bool:
        return self.inclusive or self.tax_behavior == "inclusive"


class _InvoiceDiscount(msgspec.Struct):
    amount: int = 0


class Invoice(msgspec.Struct):
    id: str
    status: str | None = None
    billing_reason: str | None = None
    amount_paid: int = 0
    subtotal: int | None = None
    total: int | None = None
    total_taxes: list[InvoiceTax] | None = None
    total_tax_amounts: list[InvoiceTax] | None = None
    total_discount_amounts: list[_InvoiceDiscount] | None = None
    currency: str = ""
    customer: Ref = None
    metadata: dict[str, str] | None = None
    subscription: Ref = None
    subscription_details: _SubscriptionDetails | None = None
    parent: _InvoiceParent | None = None
    payment_intent: Ref = None
    charge: Ref = None
    payments: _InvoicePayments | None = None
    lines: _Lines = msgspec.field(default_factory=_Lines)
    hosted_invoice_url: str | None = None
    invoice_pdf: str | None = None

    @property
    def details(self) -> _SubscriptionDetails:
        details = (self.parent.subscription_details if self.parent else None) or (
            self.subscription_details or _SubscriptionDetails()
        )
        return _SubscriptionDetails(details.subscription or self.subscription, details.metadata)

    @property
    def payment_ids(self) -> list[str]:
        rows = [row.payment for row in self.payments.data if row.payment] if self.payments else []
        refs = [self.payment_intent, self.charge]
        refs += [ref for row in rows for ref in (row.payment_intent, row.charge)]
        return [found for ref in refs if (found := ref_id(ref))]


class InvoicePreview(msgspec.Struct):
    amount_due: int
    currency: str


class InvoicePaymentMade(msgspec.Struct):
    invoice: Ref = None
    payment: PaidBy | None = None


class Item(msgspec.Struct):
    id: str | None = None
    current_period_end: int | None = None
    price: Ref = None


class _Items(msgspec.Struct):
    data: list[Item] = []


class PauseCollection(msgspec.Struct):
    behavior: str = ""
    resumes_at: int | None = None


class Subscription(msgspec.Struct):
    """A subscription at Stripe. Setting pause_collection doesn't change its status."""

    id: str
    status: str = ""
    cancel_at_period_end: bool = False
    cancel_at: int | None = None
    current_period_end: int | None = None
    customer: Ref = None
    metadata: dict[str, str] | None = None
    schedule: Ref = None
    pause_collection: PauseCollection | None = None
    items: _Items = msgspec.field(default_factory=_Items)

    @property
    def next_price(self) -> str | None:
        return None if self.schedule is None else (self.metadata or {}).get(NEXT_PRICE)


class Charge(msgspec.Struct):
    id: str
    amount_refunded: int
    currency: str
    payment_intent: Ref = None
    invoice: Ref = None
    metadata: dict[str, str] | None = None


class Refund(msgspec.Struct):
    id: str
    amount: int
    currency: str
    status: str | None = None
    charge: Ref = None
    payment_intent: Ref = None
    metadata: dict[str, str] | None = None


class EvidenceDetails(msgspec.Struct):
    due_by: int | None = None


class Dispute(msgspec.Struct):
    """A dispute at Stripe. If its status starts with warning_, it is an inquiry and takes no money."""

    id: str
    amount: int
    currency: str
    status: str = ""
    charge: Ref = None
    payment_intent: Ref = None
    reason: str = ""
    evidence_details: EvidenceDetails | None = None
    livemode: bool = True


def ref_id(ref: Ref) -> str | None:
    return ref.id if isinstance(ref, Named) else ref


# Decimal places of currencies for which Stripe differs from ISO 4217.
_PLACES = {"ISK": 2, "UGX": 2, "MGA": 0}
_THREE_PLACES_STEP = 10  # amounts in a currency with three decimal places must end in 0


class Unreadable(ValueError):
    pass


def to_stripe(price: Price) -> int:
    if not price.is_listed:
        raise PriceRefused(f"Stripe can't charge {price.words()}: the currency isn't listed.")
    places = price.places
    theirs = _PLACES.get(price.currency, places)
    amount, rest = divmod(price.amount * _power(theirs - places), _power(places - theirs))
    if rest or (places == 3 and amount % _THREE_PLACES_STEP):
        raise PriceRefused(
            f"Stripe can't charge {price.decimal()} {price.currency}: the amount has too "
            "many decimal places."
        )
    return amount


def from_stripe(amount: int, currency: str) -> Price:
    """Convert an amount from Stripe's smallest unit. Raise Unreadable if that is impossible.

    An amount in an unlisted currency isn't converted. It then matches no price, so an operator decides.
    """
    code = currency.upper()
    places = Price(amount, code).places
    theirs = _PLACES.get(code, places)
    ours, rest = divmod(amount * _power(places - theirs), _power(theirs - places))
    if rest or amount < 0 or len(code) != 3:
        raise Unreadable("an amount")
    return Price(ours, code)


def _power(places: int) -> int:
    return int(10 ** max(0, places))
