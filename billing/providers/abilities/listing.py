"""A provider that lists its payments of a period, page by page, each as it stands now.

Reading changes nothing of ours: the comparison with our rows reports differences.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from billing.ledger.price import Price

ListedStatus = Literal["paid", "pending", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPayment:
    """One payment as the provider shows it now.

    - payment_id: the provider's name of it. objects: every id that one of our orders or periods may know it by, payment_id
      among them. order_id: ours, if the provider repeats it. customer_ref: the provider's name of the payer.
    - refunded, disputed: how much of it was returned, and how much a bank took back or holds, in the smallest unit of price's
      currency.
    - fee: what the provider kept, null if unknown; its currency may differ from the price's. created_at: microseconds.
    """

    payment_id: str
    objects: tuple[str, ...]
    order_id: str | None = None
    customer_ref: str | None = None
    status: ListedStatus
    price: Price
    refunded: int = 0
    disputed: int = 0
    fee: Price | None = None
    created_at: int


@dataclass(frozen=True, slots=True)
class ListedPage:
    """payments: of this page; next_cursor: where the next one begins, null after the last."""

    payments: Sequence[ListedPayment]
    next_cursor: str | None


@runtime_checkable
class Listing(Protocol):
    """A provider that can list a period's payments."""

    async def list_payments(self, since: int, until: int, cursor: str | None = None) -> ListedPage:
        """Return payments made, refunded or disputed at since <= time < until (microseconds).

        A payment may come several times, with the same content. Raises ProviderUnavailable and
        ProviderRefused.
        """
        ...
