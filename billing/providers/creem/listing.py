"""Creem's payments of a period: its transactions, as they stand now.

The list takes no time and has no defined order, so all of it is read and filtered here. Returned payments
come every time, because the list doesn't say when they were returned. Fees aren't reported. Source: Creem's
API reference, list all transactions.
"""

from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import urlencode

import msgspec

from billing.providers.abilities import ListedPage, ListedPayment, ListedStatus
from billing.providers.creem.events import Ref, Transaction, id_of, untaxed
from billing.providers.http import unavailable

PAGE_MAX: Final = 50
MILLISECOND_US: Final = 1_000
# In 2001: an earlier one is in seconds, or is none.
_EARLIEST_MS: Final = 1_000_000_000_000
# A returned payment was paid; any other word means that nothing was paid so far.
_STATUSES: Final[dict[str, ListedStatus]] = {
    "paid": "paid",
    "refunded": "paid",
    "partialRefund": "paid",
    "chargedBack": "paid",
    # As in the examples of its notifications.
    "chargeback": "paid",
    "uncollectible": "failed",
    "declined": "failed",
    "void": "failed",
}
_CHARGED_BACK: Final = frozenset({"chargedBack", "chargeback"})

Read = Callable[[str, type["Transactions"]], Awaitable["Transactions"]]


class _Listed(Transaction):
    type: str = ""
    refunded_amount: int | None = None
    customer: Ref = None


class _Pagination(msgspec.Struct):
    next_page: int | None = None


class Transactions(msgspec.Struct):
    items: list[_Listed]
    pagination: _Pagination


class CreemListing:
    def __init__(self, read: Read) -> None:
        self._read = read

    async def list_payments(self, since: int, until: int, cursor: str | None = None) -> ListedPage:
        number = 1 if cursor is None else int(cursor)
        query = urlencode({"page_number": number, "page_size": PAGE_MAX})
        found = await self._read(f"/v1/transactions/search?{query}", Transactions)
        try:
            listed = [_listed(one) for one in found.items]
        except ValueError:
            raise unavailable("creem", "a transaction in no shape of Creem's") from None
        following = found.pagination.next_page
        if following is not None and following <= number:
            raise unavailable("creem", "a list that leads back to its beginning")
        wanted = [one for one in listed if since <= one.created_at < until or _went_back(one)]
        return ListedPage(wanted, None if following is None else str(following))


def _went_back(one: ListedPayment) -> bool:
    return one.refunded + one.disputed > 0


def _listed(one: _Listed) -> ListedPayment:
    made_at_ms = one.created_at
    if not isinstance(made_at_ms, int) or made_at_ms < _EARLIEST_MS:
        raise ValueError("a time in another unit")
    price = one.price
    is_charged_back = one.status in _CHARGED_BACK
    back = msgspec.structs.replace(one, amount=one.refunded_amount or 0, amount_paid=None).price
    gone = min(untaxed(back, one).amount, price.amount)
    # All payments of a plan name the order that began it: for a renewal that only says whose plan it is.
    order = None if one.type == "invoice" else id_of(one.order)
    return ListedPayment(
        payment_id=one.id,
        objects=tuple(name for name in (one.id, order) if name),
        customer_ref=id_of(one.customer),
        status=_STATUSES.get(one.status, "pending"),
        price=price,
        # A bank takes back all of it, and Creem reports that as refunded, too.
        refunded=0 if is_charged_back else gone,
        disputed=price.amount if is_charged_back else 0,
        created_at=made_at_ms * MILLISECOND_US,
    )
