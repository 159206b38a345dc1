"""Stripe's payment intents for charges of saved cards: object, facts and declines.

A checkout has an intent too, which its session reports; so only intents with our mark count.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from billing.providers.abilities.saved_payment import DeclineReason
from billing.providers.protocol import (
    Fact,
    Failed,
    Ignored,
    Paid,
    Subject,
    Unconfirmed,
    Waiting,
)
from billing.providers.stripe.amounts import from_stripe
from billing.providers.stripe.objects import Ref, ref_id

CHARGE_MARK: Final = "recharge"


class CardError(msgspec.Struct):
    code: str | None = None
    decline_code: str | None = None
    advice_code: str | None = None


class PaymentIntent(msgspec.Struct):
    id: str
    status: str = ""
    amount_received: int = 0
    currency: str = ""
    customer: Ref = None
    latest_charge: Ref = None
    metadata: dict[str, str] | None = None
    last_payment_error: CardError | None = None

    @property
    def order_id(self) -> str | None:
        return (self.metadata or {}).get("order_id") or None

    @property
    def is_charge(self) -> bool:
        return (self.metadata or {}).get("origin") == CHARGE_MARK

    @property
    def is_declined(self) -> bool:
        """Return whether it can't succeed without the payer."""
        return self.status in {"requires_payment_method", "requires_action", "canceled"}


def intent_facts(
    intent: PaymentIntent, kind: str, *, order_id: str | None = None
) -> Sequence[Fact]:
    """Return what an intent says; kind: the event, or its status in a response. order_id: whose it must be."""
    if not intent.is_charge:
        return (Ignored("a checkout's payment, which its session tells"),)
    if order_id is not None and intent.order_id != order_id:
        return (Ignored("the payment is another order's"),)
    ids = (intent.id, ref_id(intent.latest_charge))
    subject = Subject(intent.order_id, tuple(one for one in ids if one))
    if kind == "succeeded":
        price = from_stripe(intent.amount_received, intent.currency)
        return (Paid(subject, intent.id, price, customer_ref=ref_id(intent.customer)),)
    if kind == "payment_failed":
        # The event's type doesn't say whether a person may still confirm it.
        return (Unconfirmed(subject, intent.id),)
    if kind not in {"requires_payment_method", "requires_action", "canceled"}:
        return (Waiting(subject),)
    error = intent.last_payment_error or CardError()
    reason = decline_reason(error.code, error.decline_code, error.advice_code)
    if reason == "authentication_required" or kind == "requires_action":
        return (Waiting(subject),)
    return (Failed(subject, reason),)


def decline_reason(
    code: str | None, decline_code: str | None, advice_code: str | None
) -> DeclineReason:
    """Return Stripe's codes as ours; the bank's advice wins over the code."""
    words = {code, decline_code}
    if words & {"authentication_required", "authentication_not_handled"}:
        return "authentication_required"
    if advice_code == "do_not_try_again":
        return "card_declined"
    if words & {"insufficient_funds", "card_velocity_exceeded", "withdrawal_count_limit_exceeded"}:
        return "insufficient_funds"
    if words & {"expired_card", "invalid_expiry_month", "invalid_expiry_year"}:
        return "card_expired"
    if advice_code == "try_again_later" or words & _LATER:
        return "try_later"
    return "card_declined"


_LATER: Final = frozenset(
    {
        "approve_with_id",
        "issuer_not_available",
        "processing_error",
        "reenter_transaction",
        "try_again_later",
    }
)
