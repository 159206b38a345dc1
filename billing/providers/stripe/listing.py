"""Stripe's payments of a period: its charges, with those refunded or disputed in it.

A charge shows its refunds as one sum; its disputes are read, so that a won one isn't counted. Source:
Stripe's API reference, charges, refunds, disputes.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Generic, TypeVar

import msgspec

from billing.ledger.price import Price
from billing.providers.abilities import ListedPage, ListedPayment, ListedStatus
from billing.providers.http import unavailable, within_deadline
from billing.providers.stripe.api import StripeApi
from billing.providers.stripe.objects import NAME, Dispute, Ref, Unreadable, from_stripe, ref_id
from kernel.clock import SECOND_US

# Expanded, an object has up to 8 kB, and a response at most 1 MiB.
PAGE_MAX: Final = 50
# The lists, read one after the other; a cursor is one of these and the last ID of it.
_SOURCES: Final = ("charges", "refunds", "disputes")
_STATUSES: Final[dict[str, ListedStatus]] = {
    "succeeded": "paid",
    "pending": "pending",
    "failed": "failed",
}

T = TypeVar("T")


class _Fee(msgspec.Struct):
    fee: int
    currency: str


class _ListedCharge(msgspec.Struct):
    id: str
    amount: int
    currency: str
    created: int
    amount_refunded: int = 0
    status: str = ""
    captured: bool = True
    disputed: bool = False
    payment_intent: Ref = None
    invoice: Ref = None
    customer: Ref = None
    metadata: dict[str, str] | None = None
    balance_transaction: _Fee | str | None = None


class _OfCharge(msgspec.Struct):
    """An old one may be of a charge that Stripe no longer shows."""

    id: str
    charge: _ListedCharge | str | None = None


class _Page(msgspec.Struct, Generic[T]):
    data: list[T] = []
    has_more: bool = False


class StripeListing:
    def __init__(self, api: StripeApi) -> None:
        self._api = api

    async def list_payments(self, since: int, until: int, cursor: str | None = None) -> ListedPage:
        source, _, after = (cursor or _SOURCES[0]).partition(":")
        params: Any = {
            "created": {"gte": -(-since // SECOND_US), "lt": -(-until // SECOND_US)},
            "limit": PAGE_MAX,
        }
        if after:
            params["starting_after"] = after
        async with within_deadline(NAME):
            charges, next_cursor = await self._page(source, params)
            try:
                return ListedPage([await self._listed(one) for one in charges], next_cursor)
            except Unreadable:
                raise unavailable(NAME, "a charge in no shape of Stripe's") from None

    async def _page(self, source: str, params: Any) -> tuple[Sequence[_ListedCharge], str | None]:
        v1 = self._api.v1
        if source == "charges":
            params["expand"] = ["data.balance_transaction"]
            found = await self._api.send(v1.charges.list_async(params), _Page[_ListedCharge])
            return found.data, _behind(source, found.data, has_more=found.has_more)
        params["expand"] = ["data.charge.balance_transaction"]
        asked = v1.refunds if source == "refunds" else v1.disputes
        made: Any = asked.list_async(params)
        later = await self._api.send(made, _Page[_OfCharge])
        charges = [one.charge for one in later.data if isinstance(one.charge, _ListedCharge)]
        return charges, _behind(source, later.data, has_more=later.has_more)

    async def _listed(self, charge: _ListedCharge) -> ListedPayment:
        price = from_stripe(charge.amount, charge.currency)
        ids = (charge.id, ref_id(charge.payment_intent), ref_id(charge.invoice))
        kept = charge.balance_transaction
        status = _STATUSES.get(charge.status, "pending")
        return ListedPayment(
            payment_id=charge.id,
            objects=tuple(one for one in ids if one),
            order_id=_owner_of(charge.metadata or {}),
            customer_ref=ref_id(charge.customer),
            # One that is only authorised has brought nothing yet.
            status=status if charge.captured or status != "paid" else "pending",
            price=price,
            refunded=from_stripe(charge.amount_refunded, charge.currency).amount,
            disputed=await self._disputed(charge, price) if charge.disputed else 0,
            fee=from_stripe(kept.fee, kept.currency) if isinstance(kept, _Fee) else None,
            created_at=charge.created * SECOND_US,
        )

    async def _disputed(self, charge: _ListedCharge, price: Price) -> int:
        params: Any = {"charge": charge.id, "limit": PAGE_MAX}
        found = await self._api.send(self._api.v1.disputes.list_async(params), _Page[Dispute])
        # An inquiry takes no money, and a dispute that was won returns it.
        taken = [
            from_stripe(one.amount, one.currency).amount
            for one in found.data
            if one.status != "won" and not one.status.startswith("warning_")
        ]
        return min(sum(taken), price.amount)


def _owner_of(metadata: Mapping[str, str]) -> str | None:
    return metadata.get("order_id") or metadata.get("payment_id") or None


def _behind(source: str, data: Sequence[Any], *, has_more: bool) -> str | None:
    """Return where the next page begins: in the same list, or at the start of the next one."""
    if has_more and data:
        return f"{source}:{data[-1].id}"
    following = _SOURCES.index(source) + 1
    return _SOURCES[following] if following < len(_SOURCES) else None
