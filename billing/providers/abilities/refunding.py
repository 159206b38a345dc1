"""A provider that refunds a payment on request.

An implementation sends a request once, or again with the same idempotency key if the provider has one.
ProviderRefused is a definite no; ProviderUnavailable says that nothing is known. A refund's outcome is found
by our id of it, if the provider repeats that.
"""

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from billing.ledger.price import Price
from billing.providers.protocol import Refunded, RefundFailed


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """What is to be refunded. id: ours, one refund however often it is requested.

    payment_ref: the provider's name of the payment; checkout_ref: of the checkout, null for a plan's period.
    is_beside: it is a second payment of that checkout, so it alone names it. paid: the whole payment.
    provider_refund_id: the provider's name of the refund, once known. Amounts before tax, as orders have
    them.
    """

    id: str
    order_id: str
    payment_ref: str
    checkout_ref: str | None
    price: Price
    paid: Price
    reason: str
    provider_refund_id: str | None = None
    is_beside: bool = False


@dataclass(frozen=True, slots=True)
class RefundWord:
    """What the provider says of a refund.

    fact: that the money is gone, or came back, as a notification would tell it; null while it is neither.
    """

    status: Literal["pending", "succeeded", "failed"]
    provider_refund_id: str | None = None
    fact: Refunded | RefundFailed | None = None
    detail: str = ""


@runtime_checkable
class Refunding(Protocol):
    """takes_part: it refunds a part of a payment, and not only the whole.

    is_named: its responses and notifications name our refund. is_repeatable: the same request may be sent
    again and makes one refund. tells_parts: its notifications tell single refunds beside their sum, as facts
    with is_part.
    """

    takes_part: bool
    is_named: bool
    is_repeatable: bool
    tells_parts: bool

    async def refund(self, request: RefundRequest) -> RefundWord:
        """Request it; raise ProviderUnavailable and ProviderRefused."""
        ...

    async def find_refund(self, request: RefundRequest) -> RefundWord | None:
        """Return what became of it; null if the provider knows of none. Raises ProviderUnavailable."""
        ...
