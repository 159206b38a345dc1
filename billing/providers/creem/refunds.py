"""Creem's refunds: all that is left of a transaction; parts are refunded on its own pages.

Response and notification name no refund of ours, so they are matched by payment and amount
(billing/orders/refund_row.py). Without an idempotency key a request is sent once; after a lost response the
transaction shows how much was refunded. Source: docs.creem.io, refund a payment and get a transaction.
"""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

import msgspec

from billing.providers.abilities.refunding import RefundRequest, RefundWord
from billing.providers.http import unavailable
from billing.providers.protocol import ProviderRefused, Refunded, Subject

# Method, path, the response's form, the body and is_once, as Creem's own.
Ask = Callable[..., Awaitable[Any]]


class CreemRefunds:
    takes_part = False
    is_named = False
    is_repeatable = False
    tells_parts = False

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    async def refund(self, request: RefundRequest) -> RefundWord:
        body = {"transaction_id": request.payment_ref}
        made = await self._ask("POST", "/v1/refunds", _Made, body, is_once=True)
        if made.status in ("failed", "canceled"):
            return RefundWord("failed", detail=f"creem says {made.status}")
        if made.status == "succeeded":
            return _gone(request)
        if made.status in ("pending", "requiresAction"):
            return RefundWord("pending", detail=f"creem says {made.status}")
        raise unavailable("creem", "an unknown word about the refund")

    async def find_refund(self, request: RefundRequest) -> RefundWord | None:
        query = urlencode({"transaction_id": request.payment_ref})
        try:
            found = await self._ask("GET", f"/v1/transactions?{query}", _Transaction)
        except ProviderRefused:
            raise unavailable("creem", "no answer about the refund") from None
        if found.id != request.payment_ref:
            raise unavailable("creem", "an answer about another payment")
        # Both with the tax: the API refunds only all that is left.
        whole = found.amount if found.amount_paid is None else found.amount_paid
        if (found.refunded_amount or 0) >= whole > 0:
            return _gone(request)
        return None


def _gone(request: RefundRequest) -> RefundWord:
    subject = Subject(request.order_id, (request.payment_ref, request.id))
    return RefundWord("succeeded", None, Refunded(subject, request.id, request.price))


class _Made(msgspec.Struct):
    status: str


class _Transaction(msgspec.Struct):
    """amount before tax, the others with it."""

    id: str
    amount: int
    amount_paid: int | None = None
    refunded_amount: int | None = None
