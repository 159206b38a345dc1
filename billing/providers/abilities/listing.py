"""A provider that lists its payments of a period, page by page, as they stand now.

Nothing of ours changes: the comparison with our rows reports differences.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from billing.ledger.price import Price

ListedStatus = Literal["paid", "pending", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPayment:
    """One payment as the provider shows it now.

    - payment_id: the provider's ID. objects: every ID that an order or period may have stored, payment_id included.
    - refunded, disputed: what was returned, and what a bank took back or holds, in the smallest unit of the price.
    - fee: what the provider deducted; its currency may differ from the price's.
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
    payments: Sequence[ListedPayment]
    next_cursor: str | None


@runtime_checkable
class Listing(Protocol):
    async def list_payments(self, since: int, until: int, cursor: str | None = None) -> ListedPage:
        """Return payments made, refunded or disputed at since <= time < until. A payment may come several
        times, unchanged. Raises ProviderUnavailable and ProviderRefused.
        """
        ...
