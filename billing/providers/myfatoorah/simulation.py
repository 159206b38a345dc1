"""Simulate MyFatoorah's events at the sandbox's page: the Data of its second generation."""

from typing import Any

from billing.providers.protocol import ProviderRefused, SandboxEvent

# The statuses of invoice and payment; MyFatoorah itself doesn't report an invoice's expiry.
_STATUSES = {
    "paid": ("PAID", "SUCCESS"),
    "failed": ("PENDING", "FAILED"),
    "expired": ("EXPIRED", ""),
}


def simulated(
    sandbox_event: SandboxEvent, *, payment: int, refund: int
) -> tuple[int, dict[str, Any]]:
    amount = {
        "ValueInBaseCurrency": sandbox_event.price.decimal(),
        "BaseCurrency": sandbox_event.price.currency,
    }
    if sandbox_event.outcome == "refunded":
        return refund, {
            # Refunds of one payment differ by their events.
            "Refund": {"Id": sandbox_event.event_id, "Status": "REFUNDED"},
            "Amount": amount,
            "ReferencedInvoice": {"Id": sandbox_event.ref},
        }
    if sandbox_event.outcome not in _STATUSES:
        raise ProviderRefused("myfatoorah has no subscriptions")
    invoice_status, transaction_status = _STATUSES[sandbox_event.outcome]
    return payment, {
        "Invoice": {
            "Id": sandbox_event.ref,
            "Status": invoice_status,
            "ExternalIdentifier": sandbox_event.order_id,
            "UserDefinedField": sandbox_event.order_id,
        },
        "Transaction": {"Status": transaction_status, "PaymentId": sandbox_event.payment_id},
        "Amount": amount,
    }
