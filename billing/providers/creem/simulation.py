"""Simulate Creem's events at the sandbox's page: objects in today's shape."""

from typing import Any

from billing.providers.protocol import SandboxEvent
from kernel.clock import rfc3339_ms

# The event's kind, and the standing in its object.
_STANDINGS = {
    "renewed": ("paid", "active"),
    "renewal_failed": ("past_due", "past_due"),
    "changed": ("update", "active"),
    "ended": ("canceled", "canceled"),
}


def simulated(sandbox_event: SandboxEvent) -> tuple[str, dict[str, Any]]:
    if sandbox_event.outcome == "refunded":
        return "refund.created", _simulated_refund(sandbox_event)
    if sandbox_event.outcome in _STANDINGS:
        kind, status = _STANDINGS[sandbox_event.outcome]
        if sandbox_event.outcome == "changed" and sandbox_event.is_paused:
            kind = status = "paused"
        elif sandbox_event.outcome == "changed" and sandbox_event.is_ending:
            status = "scheduled_cancel"
        return f"subscription.{kind}", _simulated_subscription(sandbox_event, status)
    kind = {"paid": "completed", "failed": "failed", "expired": "expired"}[sandbox_event.outcome]
    order = {
        "id": f"ord_{sandbox_event.payment_id}",
        "object": "order",
        "amount": sandbox_event.price.amount,
        "amount_paid": sandbox_event.price.amount,
        "currency": sandbox_event.price.currency,
        "status": "paid" if sandbox_event.outcome == "paid" else "pending",
        "type": "recurring" if sandbox_event.kind == "subscription" else "onetime",
        "transaction": sandbox_event.payment_id,
    }
    return f"checkout.{kind}", {
        "id": sandbox_event.ref,
        "object": "checkout",
        "request_id": sandbox_event.order_id,
        "metadata": {"order_id": sandbox_event.order_id},
        "order": order,
        "customer": sandbox_event.customer_ref,
        "subscription": sandbox_event.subscription_ref,
        "status": kind,
    }


def _simulated_refund(sandbox_event: SandboxEvent) -> dict[str, Any]:
    return {
        # Refunds of one payment differ by their events.
        "id": f"ref_{sandbox_event.event_id}",
        "object": "refund",
        "status": "succeeded",
        "refund_amount": sandbox_event.price.amount,
        "refund_currency": sandbox_event.price.currency,
        "transaction": sandbox_event.payment_id,
        "checkout": {"id": sandbox_event.ref, "request_id": sandbox_event.order_id},
    }


def _simulated_subscription(sandbox_event: SandboxEvent, status: str) -> dict[str, Any]:
    moments = (sandbox_event.period_start_at, sandbox_event.period_end_at)
    start, end = (None if moment is None else rfc3339_ms(moment) for moment in moments)
    return {
        "id": sandbox_event.subscription_ref,
        "object": "subscription",
        "status": status,
        "product": {
            "id": sandbox_event.product_ref or "",
            "price": (sandbox_event.full_price or sandbox_event.price).amount,
            "currency": sandbox_event.price.currency,
        },
        "customer": sandbox_event.customer_ref,
        "metadata": {"order_id": sandbox_event.order_id},
        "last_transaction_id": sandbox_event.payment_id,
        "last_transaction": {
            "id": sandbox_event.payment_id,
            "amount": sandbox_event.price.amount,
            "amount_paid": sandbox_event.price.amount,
            "currency": sandbox_event.price.currency,
        },
        "current_period_start_date": start,
        "current_period_end_date": end,
    }
