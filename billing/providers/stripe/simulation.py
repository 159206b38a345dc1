"""Simulate Stripe's events at the sandbox's page: objects in today's shape."""

from typing import Any

from billing.providers.protocol import SandboxEvent
from billing.providers.stripe.objects import to_stripe
from kernel.clock import SECOND_US

_SESSION_EVENTS = {"paid": "completed", "failed": "async_payment_failed", "expired": "expired"}
_INVOICE_EVENTS = {"paid": "paid", "failed": "marked_uncollectible", "expired": "voided"}
_STANDINGS = {"renewal_failed": "past_due", "changed": "active", "ended": "canceled"}
_INVOICE_STATUSES = {"paid": "paid", "failed": "uncollectible", "expired": "void"}


def simulated(sandbox_event: SandboxEvent) -> tuple[str, dict[str, Any]]:
    if sandbox_event.outcome == "refunded":
        return "charge.refunded", _simulated_charge(sandbox_event)
    if sandbox_event.outcome == "renewed":
        return "invoice.paid", _simulated_renewal(sandbox_event)
    if sandbox_event.outcome in _STANDINGS:
        kind = "deleted" if sandbox_event.outcome == "ended" else "updated"
        return f"customer.subscription.{kind}", _simulated_subscription(sandbox_event)
    if sandbox_event.kind == "invoice":
        return f"invoice.{_INVOICE_EVENTS[sandbox_event.outcome]}", _simulated_invoice(
            sandbox_event
        )
    return f"checkout.session.{_SESSION_EVENTS[sandbox_event.outcome]}", _simulated_session(
        sandbox_event
    )


def _money(sandbox_event: SandboxEvent) -> tuple[int, str]:
    return to_stripe(sandbox_event.price), sandbox_event.price.currency.lower()


def _simulated_session(sandbox_event: SandboxEvent) -> dict[str, Any]:
    amount, currency = _money(sandbox_event)
    is_paid = sandbox_event.outcome == "paid"
    is_subscription = sandbox_event.kind == "subscription"
    return {
        "id": sandbox_event.ref,
        "object": "checkout.session",
        "mode": sandbox_event.kind,
        "status": "expired" if sandbox_event.outcome == "expired" else "complete",
        "payment_status": "paid" if is_paid else "unpaid",
        "client_reference_id": sandbox_event.order_id,
        "metadata": {"order_id": sandbox_event.order_id},
        "amount_total": amount,
        "currency": currency,
        "customer": sandbox_event.customer_ref,
        "payment_intent": None if is_subscription else sandbox_event.payment_id,
        "invoice": sandbox_event.payment_id if is_subscription else None,
        "subscription": sandbox_event.subscription_ref,
    }


def _simulated_invoice(sandbox_event: SandboxEvent) -> dict[str, Any]:
    amount, currency = _money(sandbox_event)
    return {
        "id": sandbox_event.ref,
        "object": "invoice",
        "status": _INVOICE_STATUSES[sandbox_event.outcome],
        "amount_paid": amount if sandbox_event.outcome == "paid" else 0,
        "currency": currency,
        "customer": sandbox_event.customer_ref,
        "metadata": {"order_id": sandbox_event.order_id},
        "lines": {"object": "list", "data": []},
    }


def _simulated_renewal(sandbox_event: SandboxEvent) -> dict[str, Any]:
    assert sandbox_event.period_start_at is not None, "a renewal has a period"
    assert sandbox_event.period_end_at is not None, "a renewal has a period"
    amount, currency = _money(sandbox_event)
    # A coupon makes the invoice cheaper, and not its line.
    is_cheaper = sandbox_event.full_price is not None and not sandbox_event.is_prorated
    full = (
        to_stripe(sandbox_event.full_price) if is_cheaper and sandbox_event.full_price else amount
    )
    details = {
        "subscription": sandbox_event.subscription_ref,
        "metadata": {"order_id": sandbox_event.order_id},
    }
    line = {
        "object": "line_item",
        "amount": full,
        "quantity": 1,
        "currency": currency,
        "period": {
            "start": sandbox_event.period_start_at // SECOND_US,
            "end": sandbox_event.period_end_at // SECOND_US,
        },
        "parent": {"subscription_item_details": {"proration": sandbox_event.is_prorated}},
        "pricing": {"price_details": {"price": sandbox_event.product_ref}},
    }
    return {
        "id": sandbox_event.payment_id,
        "object": "invoice",
        "status": "paid",
        "billing_reason": (
            "subscription_update" if sandbox_event.is_prorated else "subscription_cycle"
        ),
        "subtotal": full,
        "total": amount,
        "amount_paid": amount,
        "currency": currency,
        "customer": sandbox_event.customer_ref,
        "metadata": {},
        "parent": {"type": "subscription_details", "subscription_details": details},
        "lines": {"object": "list", "data": [line]},
    }


def _simulated_subscription(sandbox_event: SandboxEvent) -> dict[str, Any]:
    end_s = (
        None if sandbox_event.period_end_at is None else sandbox_event.period_end_at // SECOND_US
    )
    return {
        "id": sandbox_event.subscription_ref,
        "object": "subscription",
        "status": _STANDINGS[sandbox_event.outcome],
        "pause_collection": _simulated_pause(sandbox_event),
        "cancel_at_period_end": sandbox_event.is_ending,
        "customer": sandbox_event.customer_ref,
        "metadata": {"order_id": sandbox_event.order_id},
        "items": {
            "object": "list",
            "data": [
                {"current_period_end": end_s, "price": {"id": sandbox_event.product_ref or ""}}
            ],
        },
    }


def _simulated_pause(sandbox_event: SandboxEvent) -> dict[str, Any] | None:
    if not sandbox_event.is_paused:
        return None
    resumes_at = sandbox_event.resumes_at
    return {
        "behavior": "void",
        "resumes_at": None if resumes_at is None else resumes_at // SECOND_US,
    }


def _simulated_charge(sandbox_event: SandboxEvent) -> dict[str, Any]:
    amount, currency = _money(sandbox_event)
    return {
        "id": f"ch_{sandbox_event.payment_id}",
        "object": "charge",
        "amount_refunded": amount,
        "currency": currency,
        "payment_intent": sandbox_event.payment_id,
        "metadata": {"order_id": sandbox_event.order_id},
        "refunded": True,
    }
