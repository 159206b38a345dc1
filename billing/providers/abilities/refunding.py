"""A provider that sends a payment back when it is asked to.

Promise of who keeps it: a request is sent once, or again with the same idempotency key where the provider
has such; ProviderRefused is a definite no, and ProviderUnavailable says that nothing is known. What a refund
was made of is found by our id of it, where the provider repeats that.
"""

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from billing.ledger.price import Price
from billing.providers.protocol import Refunded, RefundFailed


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """What is to go back. id: ours, one refund however often it is asked for.

    payment_ref: what the provider calls the payment; checkout_ref: what it calls the checkout, null for a
    period of a plan. is_beside: it is a second payment of that checkout, so it alone names it. paid: the
    whole payment. provider_refund_id: what the provider calls the refund, once it told. Amounts before tax,
    as orders have them.
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
    """takes_part: it sends a part of a payment back, and not the whole alone.

    is_named: its answers and notifications tell which refund of ours they are about. is_repeatable: the
    same request may be sent again and makes one refund. tells_parts: its notifications tell single refunds
    beside their sum, as facts with is_part.
    """

    takes_part: bool
    is_named: bool
    is_repeatable: bool
    tells_parts: bool

    async def refund(self, request: RefundRequest) -> RefundWord:
        """Asks for it; raises ProviderUnavailable and ProviderRefused."""
        ...

    async def find_refund(self, request: RefundRequest) -> RefundWord | None:
        """What became of it; null where the provider knows of none. Raises ProviderUnavailable."""
        ...
