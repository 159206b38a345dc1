"""MyFatoorah's refunds: whole or in part, of an invoice; its staff checks each first.

A request carries our ID as its ExternalIdentifier, by which the refund is found. There is no idempotency key,
so it is sent once. The seller pays a refund's fees. Source: docs.myfatoorah.com, MakeRefund and
GetRefundStatus.
"""

from collections.abc import Awaitable, Callable

import msgspec

from billing.ledger.price import price_of
from billing.providers.abilities.refunding import RefundRequest, RefundWord
from billing.providers.http import decoded, unavailable
from billing.providers.protocol import ProviderRefused, Refunded, RefundFailed, Subject
from kernel.errors import InvalidInput

# Path, body and tries_max, as MyFatoorah's own; the response's Data.
Ask = Callable[..., Awaitable[bytes]]
_NAME = "myfatoorah"


class _Made(msgspec.Struct, rename="pascal"):
    refund_id: int | str


class _Status(msgspec.Struct, rename="pascal"):
    refund_id: int | str
    refund_status: str = ""
    amount: msgspec.Raw = msgspec.field(default_factory=lambda: msgspec.Raw(b"null"))
    external_identifier: str | None = None


class _Statuses(msgspec.Struct, rename="pascal"):
    refund_status_result: list[_Status] = []


class MyFatoorahRefunds:
    takes_part = True
    is_named = True
    is_repeatable = False
    tells_parts = False

    def __init__(self, ask: Ask, currency: str) -> None:
        self._ask = ask
        self._currency = currency

    async def refund(self, request: RefundRequest) -> RefundWord:
        key, kind = self._payment(request)
        body = {
            "Key": key,
            "KeyType": kind,
            "ServiceChargeOnCustomer": False,
            # The exact decimal text of the amount as a JSON number.
            "Amount": msgspec.Raw(request.price.decimal().encode()),
            "Comment": request.reason,
            "ExternalIdentifier": request.id,
        }
        made = decoded(_NAME, await self._ask("/v2/MakeRefund", body, tries_max=1), _Made)
        return RefundWord("pending", str(made.refund_id), detail="myfatoorah looks at it")

    async def find_refund(self, request: RefundRequest) -> RefundWord | None:
        named = request.provider_refund_id
        if named is not None:
            body = {"Key": named, "KeyType": "RefundId"}
        elif request.checkout_ref is not None:
            body = {"Key": request.checkout_ref, "KeyType": "InvoiceId"}
        else:
            raise unavailable(_NAME, "a payment without an invoice")
        try:
            answer = await self._ask("/v2/GetRefundStatus", body)
        except ProviderRefused:
            # It refuses in the same words what it doesn't know and what it can't look up now.
            raise unavailable(_NAME, "no answer about the refund") from None
        found = decoded(_NAME, answer, _Statuses).refund_status_result
        for one in found:
            if one.external_identifier == request.id or str(one.refund_id) == named:
                return self._word(request, one)
        if any(not one.external_identifier for one in found):
            # One that may be ours: this account's responses leave our ID out.
            raise unavailable(_NAME, "refunds of the payment without our names")
        return None

    def _payment(self, request: RefundRequest) -> tuple[str, str]:
        if request.checkout_ref is not None and not request.is_beside:
            return request.checkout_ref, "InvoiceId"
        return request.payment_ref, "PaymentId"

    def _word(self, request: RefundRequest, found: _Status) -> RefundWord:
        named, status = str(found.refund_id), found.refund_status.lower()
        subject = Subject(request.order_id, (request.payment_ref, request.id))
        if status == "refunded":
            try:
                price = price_of(bytes(found.amount).decode().strip('"'), self._currency)
            except InvalidInput:
                raise unavailable(_NAME, "a refund without an amount") from None
            if price.amount <= 0:
                # It would end the refund, and nothing would be taken back for it.
                raise unavailable(_NAME, "a refund of nothing")
            return RefundWord("succeeded", named, Refunded(subject, named, price))
        if status in ("canceled", "cancelled", "rejected"):
            fact = RefundFailed(subject, named, request.price)
            return RefundWord("failed", named, fact, detail=f"myfatoorah says {status}")
        if status == "pending":
            return RefundWord("pending", named, detail="myfatoorah looks at it")
        raise unavailable(_NAME, "an unknown word about the refund")
