"""What Stripe would tell of what happened at the sandbox's page: objects in today's shape."""

from typing import Any

from billing.providers.protocol import Deed
from billing.providers.stripe.events import to_stripe
from kernel.clock import SECOND_US

_SESSION_EVENTS = {"paid": "completed", "failed": "async_payment_failed", "expired": "expired"}
_INVOICE_EVENTS = {"paid": "paid", "failed": "marked_uncollectible", "expired": "voided"}
_STANDINGS = {"renewal_failed": "past_due", "changed": "active", "ended": "canceled"}
_INVOICE_STATUSES = {"paid": "paid", "failed": "uncollectible", "expired": "void"}


def imitated(deed: Deed) -> tuple[str, dict[str, Any]]:
    """The event's type and object with which Stripe would tell of the deed."""
    if deed.outcome == "refunded":
        return "charge.refunded", _imitated_charge(deed)
    if deed.outcome == "renewed":
        return "invoice.paid", _imitated_renewal(deed)
    if deed.outcome in _STANDINGS:
        kind = "deleted" if deed.outcome == "ended" else "updated"
        return f"customer.subscription.{kind}", _imitated_subscription(deed)
    if deed.kind == "invoice":
        return f"invoice.{_INVOICE_EVENTS[deed.outcome]}", _imitated_invoice(deed)
    return f"checkout.session.{_SESSION_EVENTS[deed.outcome]}", _imitated_session(deed)


def _money(deed: Deed) -> tuple[int, str]:
    return to_stripe(deed.price), deed.price.currency.lower()


def _imitated_session(deed: Deed) -> dict[str, Any]:
    amount, currency = _money(deed)
    is_paid = deed.outcome == "paid"
    is_subscription = deed.kind == "subscription"
    return {
        "id": deed.ref,
        "object": "checkout.session",
        "mode": deed.kind,
        "status": "expired" if deed.outcome == "expired" else "complete",
        "payment_status": "paid" if is_paid else "unpaid",
        "client_reference_id": deed.order_id,
        "metadata": {"order_id": deed.order_id},
        "amount_total": amount,
        "currency": currency,
        "customer": deed.customer_ref,
        "payment_intent": None if is_subscription else deed.payment_id,
        "invoice": deed.payment_id if is_subscription else None,
        "subscription": deed.subscription_ref,
    }


def _imitated_invoice(deed: Deed) -> dict[str, Any]:
    amount, currency = _money(deed)
    return {
        "id": deed.ref,
        "object": "invoice",
        "status": _INVOICE_STATUSES[deed.outcome],
        "amount_paid": amount if deed.outcome == "paid" else 0,
        "currency": currency,
        "customer": deed.customer_ref,
        "metadata": {"order_id": deed.order_id},
        "lines": {"object": "list", "data": []},
    }


def _imitated_renewal(deed: Deed) -> dict[str, Any]:
    assert deed.period_start_at is not None, "a renewal has a period"
    assert deed.period_end_at is not None, "a renewal has a period"
    amount, currency = _money(deed)
    # A coupon makes the invoice cheaper, and not its line.
    is_cheaper = deed.full_price is not None and not deed.is_prorated
    full = to_stripe(deed.full_price) if is_cheaper and deed.full_price else amount
    details = {
        "subscription": deed.subscription_ref,
        "metadata": {"order_id": deed.order_id},
    }
    line = {
        "object": "line_item",
        "amount": full,
        "quantity": 1,
        "currency": currency,
        "period": {
            "start": deed.period_start_at // SECOND_US,
            "end": deed.period_end_at // SECOND_US,
        },
        "parent": {"subscription_item_details": {"proration": deed.is_prorated}},
        "pricing": {"price_details": {"price": deed.product_ref}},
    }
    return {
        "id": deed.payment_id,
        "object": "invoice",
        "status": "paid",
        "billing_reason": ("subscription_update" if deed.is_prorated else "subscription_cycle"),
        "subtotal": full,
        "total": amount,
        "amount_paid": amount,
        "currency": currency,
        "customer": deed.customer_ref,
        "metadata": {},
        "parent": {"type": "subscription_details", "subscription_details": details},
        "lines": {"object": "list", "data": [line]},
    }


def _imitated_subscription(deed: Deed) -> dict[str, Any]:
    end_s = None if deed.period_end_at is None else deed.period_end_at // SECOND_US
    return {
        "id": deed.subscription_ref,
        "object": "subscription",
        "status": _STANDINGS[deed.outcome],
        "cancel_at_period_end": deed.is_ending,
        "customer": deed.customer_ref,
        "metadata": {"order_id": deed.order_id},
        "items": {
            "object": "list",
            "data": [{"current_period_end": end_s, "price": {"id": deed.product_ref or ""}}],
        },
    }


def _imitated_charge(deed: Deed) -> dict[str, Any]:
    amount, currency = _money(deed)
    return {
        "id": f"ch_{deed.payment_id}",
        "object": "charge",
        "amount_refunded": amount,
        "currency": currency,
        "payment_intent": deed.payment_id,
        "metadata": {"order_id": deed.order_id},
        "refunded": True,
    }
