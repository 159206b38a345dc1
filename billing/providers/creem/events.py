"""Read Creem's objects as facts. Source: docs.creem.io, event types.

A fact's price is before tax and never more than was paid. Refunded amounts are reduced in proportion.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from billing.ledger.price import Price
from billing.providers.breakdown import Breakdown, TaxPart, taxes_of
from billing.providers.protocol import (
    Disputed,
    DisputeNote,
    Expired,
    Fact,
    Failed,
    Ignored,
    InvoicePaid,
    Paid,
    ProviderRefused,
    Refunded,
    RefundFailed,
    Subject,
    SubscriptionChanged,
    SubscriptionStatus,
    Waiting,
)
from kernel.clock import parse_rfc3339

_STATUSES: dict[str, SubscriptionStatus] = {
    "active": "active",
    "trialing": "active",
    "scheduled_cancel": "active",
    "past_due": "past_due",
    "unpaid": "past_due",
    "paused": "paused",
    "canceled": "cancelled",
    "expired": "expired",
}


class _Named(msgspec.Struct):
    id: str


Ref = str | _Named | None


class _Amount(_Named):
    """An amount at Creem. `amount` excludes tax; `amount_paid` includes it."""

    amount: int
    currency: str
    amount_paid: int | None = None
    tax_amount: int | None = None
    discount_amount: int | None = None

    @property
    def breakdown(self) -> Breakdown | None:
        tax, discount = self.tax_amount or 0, self.discount_amount or 0
        paid = self.amount_paid
        if paid is None or paid <= 0 or tax < 0 or discount < 0 or not (tax or discount):
            return None
        is_added = paid > self.price.amount
        taxes = taxes_of([TaxPart("Tax, collected by Creem", tax, not is_added)])
        subtotal = paid + discount - (tax if is_added else 0)
        return Breakdown(subtotal=subtotal, total=paid, discount=discount, taxes=taxes)

    @property
    def price(self) -> Price:
        paid = self.amount if self.amount_paid is None else min(self.amount, self.amount_paid)
        if paid < 0 or len(self.currency) != 3:
            raise ValueError("no price")
        return Price(paid, self.currency.upper())


class _Order(_Amount):
    status: str = ""
    type: str = ""
    product: Ref = None
    transaction: Ref = None


class Product(_Named):
    price: int | None = None
    currency: str | None = None


class Transaction(_Amount):
    order: Ref = None
    subscription: Ref = None
    status: str = "paid"
    created_at: int | str | None = None


class Checkout(_Named):
    request_id: str | None = None
    metadata: dict[str, Any] | None = None
    order: _Order | None = None
    customer: Ref = None
    product: str | Product | None = None
    subscription: Ref = None
    status: str = ""
    checkout_url: str | None = None

    @property
    def order_id(self) -> str | None:
        return self.request_id or _order_of(self.metadata)

    def objection(self, sold: str | None) -> str | None:
        """Return a reason if the payment was for another product than requested, or None.

        `sold` is the product that sells credit, for a checkout without that metadata.
        """
        asked = (self.metadata or {}).get("product_id")
        if asked is None and self.order is not None and self.order.type == "onetime":
            asked = sold
        paid = id_of(self.order.product if self.order else None) or id_of(self.product)
        if not asked or not paid or paid == asked:
            return None
        return f"product {paid} was paid, not {asked}"


class Standing(_Named):
    status: str = ""
    product: str | Product | None = None
    customer: Ref = None
    metadata: dict[str, Any] | None = None
    last_transaction_id: str | None = None
    last_transaction: Transaction | None = None
    last_transaction_date: str | None = None
    current_period_start_date: str | None = None
    current_period_end_date: str | None = None


class _Reversal(_Named):
    status: str = ""
    transaction: str | Transaction | None = None
    checkout: Checkout | None = None
    order: _Order | None = None


class _Refund(_Reversal, kw_only=True):
    refund_amount: int
    refund_currency: str

    @property
    def money(self) -> Price:
        return Price(self.refund_amount, self.refund_currency.upper())


class _Dispute(_Reversal, kw_only=True):
    amount: int
    currency: str

    @property
    def money(self) -> Price:
        return Price(self.amount, self.currency.upper())


class Event(msgspec.Struct):
    id: str
    type: str = msgspec.field(name="eventType")
    object: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)
    created_at: int | str | None = None

    @property
    def sent_at(self) -> int | None:
        return self.created_at * 1000 if isinstance(self.created_at, int) else None


def facts_of(event: Event, sold: str | None = None) -> Sequence[Fact]:
    family, _, kind = event.type.partition(".")
    if family == "checkout":
        return checkout_facts(msgspec.json.decode(event.object, type=Checkout), kind, sold)
    if family == "subscription":
        found = msgspec.json.decode(event.object, type=Standing)
        return _subscription_facts(found, kind, event.sent_at)
    if event.type == "refund.created":
        return _reversal_facts(msgspec.json.decode(event.object, type=_Refund))
    if event.type == "dispute.created":
        return _reversal_facts(msgspec.json.decode(event.object, type=_Dispute))
    return (Ignored("nothing to us"),)


def checkout_facts(checkout: Checkout, kind: str = "", sold: str | None = None) -> Sequence[Fact]:
    order = checkout.order
    subject = _subject(
        checkout.order_id,
        checkout.id,
        id_of(order),
        id_of(order.transaction) if order else None,
        id_of(checkout.subscription),
    )
    if order is not None and order.status == "paid":
        return (
            Paid(
                subject,
                payment_id=id_of(order.transaction) or order.id,
                price=order.price,
                customer_ref=id_of(checkout.customer),
                subscription_ref=id_of(checkout.subscription),
                objection=checkout.objection(sold),
                breakdown=order.breakdown,
            ),
        )
    if kind == "failed":
        return (Failed(subject, "the payment failed"),)
    if "expired" in (kind, checkout.status):
        return (Expired(subject),)
    return (Waiting(subject),)


def _subscription_facts(subscription: Standing, kind: str, sent_at: int | None) -> Sequence[Fact]:
    paid = subscription.last_transaction
    transaction = subscription.last_transaction_id or id_of(paid)
    subject = _subject(_order_of(subscription.metadata), subscription.id, transaction)
    product = subscription.product
    product_ref = product.id if isinstance(product, Product) else product
    end = subscription.current_period_end_date
    if kind == "paid":
        if transaction is None or end is None or subscription.current_period_start_date is None:
            raise ValueError("a payment without its period")
        listed = InvoicePaid(
            subject,
            subscription_ref=subscription.id,
            invoice_id=transaction,
            price=_listed_price(product) if paid is None else _price_of(product) or paid.price,
            period_start_at=parse_rfc3339(subscription.current_period_start_date),
            period_end_at=parse_rfc3339(end),
            product_ref=product_ref,
            customer_ref=id_of(subscription.customer),
            is_listed=True,
        )
        paid_at = _moment(subscription.last_transaction_date) or sent_at
        return (listed if paid is None else with_transaction(listed, paid, paid_at),)
    if kind == "trialing" and end is not None and subscription.current_period_start_date:
        return (_trial(subscription, subject, product_ref),)
    status = _STATUSES.get(subscription.status if kind == "update" else kind)
    if status is None:
        return (Ignored("a standing that changes nothing"),)
    return (
        SubscriptionChanged(
            subject,
            subscription_ref=subscription.id,
            status=status,
            period_end_at=None if end is None else parse_rfc3339(end),
            is_ending="scheduled_cancel" in (kind, subscription.status),
            product_ref=product_ref,
            sent_at=sent_at,
        ),
    )


def with_transaction(
    listed: InvoicePaid, paid: Transaction, paid_at: int | None = None
) -> InvoicePaid:
    """Return the fact with the price from the transaction. If that is at least the product's own price, nothing
    else changes.

    A smaller amount without a discount means a change within a period. The change starts when it was paid,
    because Creem reports the start of the whole period.
    """
    if paid.price.currency != listed.price.currency or paid.price.amount >= listed.price.amount:
        return replace(listed, price=paid.price, breakdown=paid.breakdown, is_listed=False)
    at = _moment(paid.created_at) or paid_at or listed.period_start_at
    is_within = listed.period_start_at < at < listed.period_end_at
    is_rest = is_within and not paid.discount_amount
    return replace(
        listed,
        price=paid.price,
        period_start_at=at if is_rest else listed.period_start_at,
        is_prorated=True,
        breakdown=paid.breakdown,
        is_listed=False,
    )


def _moment(told: int | str | None) -> int | None:
    if told is None:
        return None
    return told * 1000 if isinstance(told, int) else parse_rfc3339(told)


def _trial(subscription: Standing, subject: Subject, product_ref: str | None) -> InvoicePaid:
    start, end = subscription.current_period_start_date, subscription.current_period_end_date
    assert start is not None, "the caller looked"
    assert end is not None, "the caller looked"
    product = subscription.product
    currency = product.currency if isinstance(product, Product) else None
    return InvoicePaid(
        subject,
        subscription_ref=subscription.id,
        invoice_id=f"{subscription.id}/trial",
        price=Price(0, (currency or "USD").upper()),
        period_start_at=parse_rfc3339(start),
        period_end_at=parse_rfc3339(end),
        product_ref=product_ref,
        customer_ref=id_of(subscription.customer),
    )


def standing_of(subscription: Standing) -> SubscriptionChanged:
    for fact in _subscription_facts(subscription, "update", None):
        if isinstance(fact, SubscriptionChanged):
            return fact
    raise ProviderRefused(
        f"The subscription at Creem is {subscription.status[:40]}, so it can't be changed."
    )


def _reversal_facts(reversal: _Refund | _Dispute) -> Sequence[Fact]:
    paid = reversal.transaction if isinstance(reversal.transaction, Transaction) else None
    price = untaxed(reversal.money, paid or reversal.order)
    order, checkout = reversal.order, reversal.checkout
    subject = _subject(
        checkout.order_id if checkout else None,
        id_of(reversal.transaction),
        id_of(paid.order) if paid else None,
        id_of(order),
        id_of(checkout),
    )
    if isinstance(reversal, _Dispute):
        page = "https://www.creem.io/dashboard"
        note = DisputeNote(reversal.status or "open", page_url=page)
        return (Disputed(subject, reversal.id, price, note),)
    if reversal.status in ("failed", "canceled"):
        return (RefundFailed(subject, reversal.id, price),)
    is_pending = reversal.status in ("pending", "requiresAction")
    return (Refunded(subject, reversal.id, price, is_pending=is_pending),)


def untaxed(price: Price, paid: _Amount | None) -> Price:
    if price.amount < 0 or len(price.currency) != 3:
        raise ValueError("no price")
    if paid is None or not paid.amount_paid or paid.amount_paid <= paid.amount:
        return price
    return Price(-(-price.amount * paid.amount // paid.amount_paid), price.currency)


def _listed_price(product: str | Product | None) -> Price:
    found = _price_of(product)
    if found is None:
        raise ValueError("a payment without a price")
    return found


def _price_of(product: str | Product | None) -> Price | None:
    if not isinstance(product, Product) or product.price is None or not product.currency:
        return None
    return _Amount(product.id, product.price, product.currency).price


def id_of(ref: Ref) -> str | None:
    return ref if ref is None or isinstance(ref, str) else ref.id


def _order_of(metadata: Mapping[str, Any] | None) -> str | None:
    found = (metadata or {}).get("order_id")
    return found if isinstance(found, str) and found else None


def _subject(order_id: str | None, *ids: str | None) -> Subject:
    return Subject(order_id, tuple(dict.fromkeys(one for one in ids if one)))
