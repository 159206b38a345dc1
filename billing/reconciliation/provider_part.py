"""Compare a provider's payments with the orders and periods that they credited.

If the list lacks an order's payment, the order is checked on its own. A payment that wasn't reported to us is
processed before it is compared.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Final

from billing.orders import records as orders
from billing.orders.order import Order
from billing.payments.payments import Payments
from billing.providers.abilities import ListedPayment, Listing, ability
from billing.providers.event_log import in_words
from billing.providers.protocol import (
    Fact,
    Paid,
    ProviderRefused,
    ProviderUnavailable,
    Refunded,
)
from billing.reconciliation.differences import Comparison, DifferenceKind, FoundDifference
from billing.reconciliation.own_payments import (
    Judged,
    ListDifferenceKind,
    OwnPayment,
    OwnPayments,
    is_kept,
    is_missing,
    is_of_us,
    judged,
)
from billing.reconciliation.provider_list import pages
from kernel.clock import DAY_US
from kernel.ids import least_id
from keys.principal import environment_of
from store.database import Database, Transaction

ROWS: Final = 200
ASKED_AT_ONCE: Final = 4
AROUND_US: Final = DAY_US
LOST_MAX: Final = 10_000


class ProviderComparison:
    def __init__(
        self, database: Database, payments: Payments, provider: str, comparison: Comparison
    ) -> None:
        self._database = database
        self._payments = payments
        self._provider = provider
        self._comparison = comparison
        self._listed: set[str] = set()
        self._lost: list[ListedPayment] = []
        self._own = OwnPayments(database, provider, comparison.environment, linked=payments.linked)
        self._answers = 0

    async def compare(self) -> AsyncIterator[FoundDifference]:
        """Yield the differences. Raise ProviderUnavailable or ProviderRefused if every call fails."""
        environment = environment_of(self._comparison.environment)
        provider = self._payments.providers.of(self._provider, environment)
        listing = None if provider is None else ability(provider, Listing)  # type: ignore[type-abstract]
        if listing is not None:
            async for one in self._list(listing):
                yield one
        async for one in self._orders():
            yield one
        async for one in self._unknown():
            yield one

    async def _list(self, listing: Listing) -> AsyncIterator[FoundDifference]:
        since, until = self._comparison.since - AROUND_US, self._comparison.now_us
        async for page in pages(listing, since, until):
            for payment in page:
                self._listed.update((payment.payment_id, *payment.objects))
            async for one in self._compared(page):
                yield one

    async def _compared(self, page: Sequence[ListedPayment]) -> AsyncIterator[FoundDifference]:
        paid = [one for one in page if one.status == "paid"]
        owners = await self._own.owners(paid)
        known = await self._own.load(owners.values())
        for payment in paid:
            owner_id = owners.get(payment.payment_id)
            if owner_id is None:
                self._note_lost(payment)
                continue
            self._comparison.checked += 1
            self._answers += 1
            mine = await self._taken_up(known[owner_id], payment)
            for one in judged(mine, payment, None, now_us=self._comparison.now_us):
                yield _difference(mine, payment, one)

    def _note_lost(self, payment: ListedPayment) -> None:
        if len(self._lost) < LOST_MAX:
            self._lost.append(payment)

    async def _unknown(self) -> AsyncIterator[FoundDifference]:
        """Retry payments that matched no order or period. Report ours that still match none."""
        lost, self._lost = self._lost, []
        async for one in self._compared(lost):
            yield one
        customers = await self._own.customers(self._lost)
        for payment in self._lost:
            is_ours = is_of_us(payment, customers)
            if not is_ours or not is_missing(payment, now_us=self._comparison.now_us):
                continue
            self._comparison.checked += 1
            self._answers += 1
            named = f", for {payment.order_id}" if payment.order_id else ""
            sums = (0, payment.price.amount, payment.price.currency)
            detail = f"payment {payment.payment_id}{named}"
            yield FoundDifference("unknown_payment", payment.payment_id, *sums, detail)

    async def _orders(self) -> AsyncIterator[FoundDifference]:
        after_id = least_id("ord", self._comparison.since)
        while True:
            page = await self._database.read(partial(self._page, after_id=after_id))
            async for one in self._check_orders([one for one in page if not self._is_listed(one)]):
                yield one
            if len(page) < ROWS:
                break
            after_id = page[-1].id
        again = await self._database.read(self._again)
        async for one in self._check_orders([one for one in again if not self._is_listed(one)]):
            yield one

    async def _check_orders(self, wanted: Sequence[Order]) -> AsyncIterator[FoundDifference]:
        for at in range(0, len(wanted), ASKED_AT_ONCE):
            some = wanted[at : at + ASKED_AT_ONCE]
            for found in await asyncio.gather(*map(self._check_order, some)):
                if found is not None:
                    yield found
            if not self._answers:
                raise ProviderUnavailable(f"{self._provider} doesn't respond.")

    async def _check_order(self, order: Order) -> FoundDifference | None:
        self._comparison.checked += 1
        try:
            facts = await self._payments.query(order)
        except (ProviderUnavailable, ProviderRefused):
            self._comparison.unanswered.add(order.id)
            return None
        self._answers += 1
        now = await self._database.read(lambda tx: orders.find(tx, order.id)) or order
        paid = next((fact for fact in facts if isinstance(fact, Paid)), None)
        return self._difference(now, paid, facts)

    def _difference(
        self, order: Order, paid: Paid | None, facts: Sequence[Fact]
    ) -> FoundDifference | None:
        if paid is None:
            is_gone = any(isinstance(fact, Refunded) for fact in facts)
            if not order.is_settled or order.refunded_amount or is_gone:
                return None
            return self._of_order("credited_not_paid", order, order.payment.amount, 0)
        amount = paid.price.amount
        if not order.is_settled:
            return self._of_order("paid_not_credited", order, 0, amount)
        if order.kind == "subscription" and not amount:
            return None  # a trial
        if paid.payment_id == order.payment_id and paid.price != order.payment:
            return self._of_order("amount_differs", order, order.payment.amount, amount)
        return None

    async def _taken_up(self, mine: OwnPayment, payment: ListedPayment) -> OwnPayment:
        """Process the provider's payment if our order is still waiting for it. Return our current record."""
        if mine.is_paid or mine.kind != "order" or not is_kept(payment):
            return mine
        order = await self._database.read(lambda tx: orders.find(tx, mine.owner_id))
        if order is None or order.status == "review":
            return mine
        try:
            await self._payments.query(order)
        except (ProviderUnavailable, ProviderRefused):
            return mine
        return (await self._own.load([mine.owner_id]))[mine.owner_id]

    async def _page(self, tx: Transaction, after_id: str) -> Sequence[Order]:
        return await orders.opened_since(
            tx, self._comparison.environment, self._provider, after_id=after_id, limit=ROWS
        )

    async def _again(self, tx: Transaction) -> Sequence[Order]:
        first = least_id("ord", self._comparison.since)
        wanted = sorted(one for one in self._comparison.subjects if "ord_" <= one < first)
        known = [await orders.find(tx, one) for one in wanted]
        return [one for one in known if one is not None and one.provider_ref is not None]

    def _is_listed(self, order: Order) -> bool:
        return order.is_settled and order.payment_id in self._listed

    def _of_order(
        self, kind: DifferenceKind, order: Order, expected: int, found: int
    ) -> FoundDifference:
        detail = f"order {order.id} is {order.status}"
        sums = (expected, found, order.pay_currency)
        return FoundDifference(kind, order.id, *sums, detail, order.account_id)


_KINDS: Final[Mapping[ListDifferenceKind, DifferenceKind]] = {
    "missing_here": "paid_not_credited",
    "status": "paid_not_credited",
    "second_payment": "paid_not_credited",
    "amount": "amount_differs",
    "currency": "amount_differs",
    "refunded": "refund_differs",
}


def _difference(mine: OwnPayment, theirs: ListedPayment, one: Judged) -> FoundDifference:
    here, there = one.here, one.there
    assert there is not None, "a payment that is listed has a price"
    detail = f"payment {theirs.payment_id} of {mine.owner_id}"
    found, unit = there.amount, there.currency
    if one.kind == "currency":
        assert here is not None, "both sides have one"
        detail += f": {in_words(there)} came, {in_words(here)} was credited"
        found, unit = 0, here.currency
    elif one.is_of_payment:
        detail += f", which {mine.payment_id} paid"
    subject = theirs.payment_id if one.is_of_payment else mine.owner_id
    expected = 0 if here is None else here.amount
    return FoundDifference(
        _KINDS[one.kind], subject, expected, found, unit, detail, mine.account_id
    )
