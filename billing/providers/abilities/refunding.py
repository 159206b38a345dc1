"""A provider that refunds a payment on request.

A request is sent once, or again under the same idempotency key. ProviderRefused is a definite no; after
ProviderUnavailable nothing is known. A refund is found by our ID, if the provider repeats it.
"""

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from billing.ledger.price import Price
from billing.providers.protocol import Refunded, RefundFailed


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """What to refund. id: ours, one refund however often it is requested.

    payment_ref: the provider's ID; checkout_ref: of the checkout, null for a plan's period. is_beside: a
    second payment of that checkout, which payment_ref alone names. paid: the whole payment. Amounts before
    tax.
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
    """fact: that the money is gone or came back, as a notification would say; null while neither."""

    status: Literal["pending", "succeeded", "failed"]
    provider_refund_id: str | None = None
    fact: Refunded | RefundFailed | None = None
    detail: str = ""


@runtime_checkable
class Refunding(Protocol):
    """takes_part: it refunds parts, too. is_named: it repeats our refund's ID.

    is_repeatable: a repeated request makes one refund. tells_parts: notifications report single refunds
    beside their sum, as facts with is_part.
    """

    takes_part: bool
    is_named: bool
    is_repeatable: bool
    tells_parts: bool

    async def refund(self, request: RefundRequest) -> RefundWord:
        """Request it; raise ProviderUnavailable and ProviderRefused."""
        ...

    async def find_refund(self, request: RefundRequest) -> RefundWord | None:
        """Return its outcome; null if the provider knows of none. Raises ProviderUnavailable."""
        ...
