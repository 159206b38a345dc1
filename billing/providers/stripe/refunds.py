"""Stripe's refunds: of a payment intent, whole or in part, idempotent by our refund's ID.

Each carries our ID in its metadata, by which it is found after a lost response. An invoice is refunded by the
payment that paid it. Source: Stripe's API reference, refunds and invoice payments.
"""

from typing import Any

import msgspec

from billing.providers.abilities import RefundRequest, RefundWord
from billing.providers.http import unavailable, within_deadline
from billing.providers.protocol import ProviderRefused, Refunded, RefundFailed
from billing.providers.stripe.api import StripeApi
from billing.providers.stripe.events import refund_facts
from billing.providers.stripe.objects import (
    NAME,
    InvoicePaymentMade,
    Refund,
    Session,
    Unreadable,
    ref_id,
    to_stripe,
)

REFUND_ID = "refund_id"
LISTED_MAX = 100


class StripeRefunds:
    takes_part = True
    is_named = True
    is_repeatable = True
    tells_parts = True

    def __init__(self, api: StripeApi) -> None:
        self._api = api

    async def refund(self, request: RefundRequest) -> RefundWord:
        async with within_deadline(NAME):
            params: Any = {
                **await self._payment(request.payment_ref),
                "amount": to_stripe(request.price),
                "metadata": {"order_id": request.order_id, REFUND_ID: request.id},
            }
            options: Any = {"idempotency_key": f"topup/{request.id}/refund"}
            made = await self._api.send(self._api.v1.refunds.create_async(params, options), Refund)
        return _word(made)

    async def find_refund(self, request: RefundRequest) -> RefundWord | None:
        try:
            async with within_deadline(NAME):
                if request.provider_refund_id is not None:
                    found = self._api.v1.refunds.retrieve_async(request.provider_refund_id)
                    return _word(await self._api.send(found, Refund))
                wanted: Any = {**await self._payment(request.payment_ref), "limit": LISTED_MAX}
                listed = await self._api.send(self._api.v1.refunds.list_async(wanted), _Refunds)
        except ProviderRefused:
            # Such as a key that was changed meanwhile, which says nothing of the refund.
            raise unavailable(NAME, "no answer about the refund") from None
        ours = [one for one in listed.data if (one.metadata or {}).get(REFUND_ID) == request.id]
        if not ours and listed.has_more:
            raise unavailable(NAME, "more refunds of one payment than are looked at")
        return _word(ours[0]) if ours else None

    async def _payment(self, ref: str) -> dict[str, str]:
        """Return what Stripe refunds: a charge, a payment intent, or what paid an invoice or a checkout."""
        if ref.startswith("ch_"):
            return {"charge": ref}
        if ref.startswith("in_"):
            of: Any = {"invoice": ref, "status": "paid"}
            sent = self._api.v1.invoice_payments.list_async(of)
            made = await self._api.send(sent, _InvoicePayments)
            for one in made.data:
                paid_by = one.payment
                intent = None if paid_by is None else ref_id(paid_by.payment_intent)
                charge = None if paid_by is None else ref_id(paid_by.charge)
                if intent is not None:
                    return {"payment_intent": intent}
                if charge is not None:
                    return {"charge": charge}
            raise ProviderRefused(f"Stripe has no payment of invoice {ref}.")
        if ref.startswith("cs_"):
            found = await self._api.send(
                self._api.v1.checkout.sessions.retrieve_async(ref), Session
            )
            intent = ref_id(found.payment_intent)
            if intent is None:
                raise ProviderRefused(f"Stripe has no payment of checkout {ref}.")
            return {"payment_intent": intent}
        return {"payment_intent": ref}


def _word(made: Refund) -> RefundWord:
    try:
        facts = refund_facts(made, "")
    except Unreadable:
        raise unavailable(NAME, "a refund without an amount") from None
    fact = facts[0]
    if isinstance(fact, RefundFailed):
        return RefundWord("failed", made.id, fact, detail=f"stripe says {made.status}")
    if isinstance(fact, Refunded):
        return RefundWord("pending" if fact.is_pending else "succeeded", made.id, fact)
    # The customer has to say where the money goes, so it is on its way to nobody yet.
    return RefundWord("pending", made.id, detail=f"stripe says {made.status}")


class _Refunds(msgspec.Struct):
    data: list[Refund] = []
    has_more: bool = False


class _InvoicePayments(msgspec.Struct):
    data: list[InvoicePaymentMade] = []
