"""Compare a provider's list of payments with our records, without changing anything.

The provider's list is read with an extra day at each end, because clocks differ.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from msgspec import Meta, Struct

from billing.ledger.price import Price
from billing.providers.abilities import ListedPayment, Listing
from billing.providers.event_log import in_words
from billing.reconciliation.own_payments import (
    Judged,
    Linked,
    ListDifferenceKind,
    OwnPayment,
    OwnPayments,
    PaymentFee,
    is_kept,
    is_missing,
    is_of_us,
    judged,
)
from kernel.clock import DAY_US
from kernel.errors import InvalidInput
from store.database import Database

PAGES_MAX: Final = 10_000
PAYMENTS_MAX: Final = 200_000

_PRESS: Final[Mapping[str, str]] = {
    "missing_here": "send the provider's event again from its dashboard; if it is no order of this"
    " gateway, nothing",
    "not_ours": "nothing, where another shop uses this account; else look it up at the provider",
    "missing_there": "look the payment up at the provider by its id; was it made with other keys?",
    "amount": "topup orders show {owner}, then refund what was paid too much or adjust the credit",
    "currency": "topup orders show {owner}, and compare it with the provider's page",
    "status": "topup orders show {owner}; the provider's event can be sent again from its dashboard",
    "second_payment": "topup orders show {owner}: it was paid twice; refund this payment at the provider",
    "refunded": "send the refund's or dispute's event again from the provider's dashboard",
    "fee": "topup reconciliation compare --provider {provider} with --keep-fees writes what the provider says now",
}
_LOOK: Final = "topup payments show {owner}, and compare it with the provider's page"
_PRESS_OF_MACHINE: Final[Mapping[str, str]] = {
    "amount": _LOOK,
    "currency": _LOOK,
    "status": "topup payments decide {owner} --verdict settled --settlement {payment}, once the provider's page shows"
    " that it was paid",
    "second_payment": "topup payments show {owner}: it was charged twice; refund this payment at the provider",
}


class ListDifference(Struct, frozen=True):
    """A difference between the provider's list and our records."""

    kind: Annotated[ListDifferenceKind, Meta(description="The kind of difference.")]
    payment_id: Annotated[str, Meta(description="The provider's ID of the payment.")]
    owner_id: Annotated[str, Meta(description="The order's, period's or machine payment's ID.")]
    account_id: str
    here: Annotated[str, Meta(description="This gateway's record of the payment.")]
    there: Annotated[str, Meta(description="The provider's record of the payment.")]
    press: Annotated[str, Meta(description="The action to take.")]


@dataclass(frozen=True, slots=True)
class Compared:
    """`others` contains payments of other shops with this provider account."""

    payments: int
    differences: Sequence[ListDifference]
    others: Sequence[ListDifference]
    fees: Sequence[PaymentFee]


async def compare(
    database: Database,
    listing: Listing,
    *,
    provider: str,
    environment: str,
    since: int,
    until: int,
    now_us: int,
    linked: Linked | None = None,
    pages_max: int = PAGES_MAX,
) -> Compared:
    """Compare the payments of a period. Raise InvalidInput if the list is too long."""
    there: dict[str, ListedPayment] = {}
    async for page in pages(listing, since - DAY_US, until + DAY_US, pages_max):
        there |= {one.payment_id: one for one in page}
    own = OwnPayments(database, provider, environment, linked)
    owners = await own.owners(there.values())
    ours = await own.between(since, until)
    groups: dict[str, list[ListedPayment]] = {}
    for payment_id, owner_id in owners.items():
        groups.setdefault(owner_id, []).append(there[payment_id])
    known = await own.load({*groups, *(one.owner_id for one in ours)})
    kept = await own.stored_fees(known)
    told = _Told(provider, environment, now_us)
    for owner_id, listed in sorted(groups.items()):
        told.hold_against(known[owner_id], listed, kept.get(owner_id))
    for mine in ours:
        if mine.owner_id not in groups:
            told.add("missing_there", mine, mine.payment_id, in_words(mine.price), "nothing")
    lost = [
        one
        for one in there.values()
        if one.payment_id not in owners
        and one.status == "paid"
        and is_kept(one)
        and since <= one.created_at < until
    ]
    customers = await own.customers(lost)
    for one in lost:
        is_ours = is_of_us(one, customers)
        if not is_ours or is_missing(one, now_us=now_us):
            told.add_lost(one, is_ours=is_ours)
    return told.compared()


async def pages(
    listing: Listing, since: int, until: int, pages_max: int = PAGES_MAX
) -> AsyncIterator[Sequence[ListedPayment]]:
    """Yield the pages of the provider's list. Raise InvalidInput if it has too many pages or payments."""
    number, cursor = 0, None
    for _ in range(pages_max):
        page = await listing.list_payments(since, until, cursor)
        number += len(page.payments)
        if number > PAYMENTS_MAX:
            break
        yield page.payments
        cursor = page.next_cursor
        if cursor is None:
            return
    raise InvalidInput(
        f"Nothing was compared: the provider's list has more than {pages_max:,} pages "
        f"or {PAYMENTS_MAX:,} payments. Choose a shorter period.",
        param="from",
    )


class _Told:
    def __init__(self, provider: str, environment: str, now_us: int) -> None:
        self._provider = provider
        self._environment = environment
        self._now_us = now_us
        self._payments = 0
        self._differences: list[ListDifference] = []
        self._others: list[ListDifference] = []
        self._fees: list[PaymentFee] = []

    def hold_against(
        self, mine: OwnPayment, listed: Sequence[ListedPayment], kept: PaymentFee | None
    ) -> None:
        self._payments += 1
        paid = [one for one in listed if one.status == "paid"]
        if not paid and mine.is_paid and not mine.begins_plan:
            last = max(listed, key=lambda one: one.created_at)
            self.add("status", mine, last.payment_id, "paid", last.status)
        kept_fee = None if kept is None else Price(kept.amount, kept.currency)
        for theirs in paid:
            differences = judged(mine, theirs, kept_fee, now_us=self._now_us)
            for one in differences:
                self._add_judged(mine, theirs, one)
            if not any(one.is_of_payment for one in differences):
                self._note_fee(mine, theirs)

    def add(
        self, kind: ListDifferenceKind, mine: OwnPayment, payment_id: str, here: str, there: str
    ) -> None:
        words = _PRESS[kind]
        if mine.kind == "machine":
            words = _PRESS_OF_MACHINE.get(kind, words)
        press = words.format(owner=mine.owner_id, provider=self._provider, payment=payment_id)
        self._differences.append(
            ListDifference(kind, payment_id, mine.owner_id, mine.account_id, here, there, press)
        )

    def add_lost(self, one: ListedPayment, *, is_ours: bool) -> None:
        kind: ListDifferenceKind = "missing_here" if is_ours else "not_ours"
        told = ListDifference(
            kind,
            one.payment_id,
            one.order_id or "",
            "",
            "nothing",
            in_words(one.price),
            _PRESS[kind],
        )
        (self._differences if is_ours else self._others).append(told)
        self._payments += is_ours

    def compared(self) -> Compared:
        return Compared(self._payments, self._differences, self._others, self._fees)

    def _add_judged(self, mine: OwnPayment, theirs: ListedPayment, one: Judged) -> None:
        here = "nothing" if one.here is None else in_words(one.here)
        there = "nothing" if one.there is None else in_words(one.there)
        if one.kind == "status":
            here, there = "not paid", "paid"
        elif one.kind == "second_payment":
            here = f"paid by {mine.payment_id}"
        self.add(one.kind, mine, theirs.payment_id, here, there)

    def _note_fee(self, mine: OwnPayment, theirs: ListedPayment) -> None:
        if theirs.fee is not None:
            self._fees.append(
                PaymentFee(
                    owner_id=mine.owner_id,
                    account_id=mine.account_id,
                    environment=self._environment,
                    provider=self._provider,
                    payment_id=theirs.payment_id,
                    amount=theirs.fee.amount,
                    currency=theirs.fee.currency,
                    paid_at=theirs.created_at,
                    recorded_at=self._now_us,
                )
            )
