"""Money in against the ledger: a provider's payments, and the orders and periods that they credited.

A provider that lists its payments is read page by page: each payment finds its order or period, or is one
that nobody here knows. What the list does not show, and every order of a provider that has no list, is
asked about alone. A payment that was never told is acted on as if it had been, before it counts as a
difference. An order that gives no answer is passed over and stays as it was known.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Final

from billing.orders import queries as orders
from billing.orders.order import Order
from billing.payments import fact_subjects, unmatched
from billing.payments.fact_subjects import FactSubject
from billing.payments.payments import Payments
from billing.providers.abilities.finding import ability
from billing.providers.abilities.listing import ListedPayment, Listing
from billing.providers.event_log import NotificationRef
from billing.providers.problem import in_words
from billing.providers.protocol import (
    Fact,
    Paid,
    ProviderRefused,
    ProviderUnavailable,
    Refunded,
    Subject,
)
from billing.reconciliation.comparison import Comparison
from billing.reconciliation.kinds import DifferenceKind, FoundDifference
from billing.subscriptions import records as subscription_rows
from kernel.clock import DAY_US, HOUR_US
from kernel.ids import least_id
from keys.principal import ENVIRONMENTS
from store.database import Database, Transaction

ROWS: Final = 200
ASKED_AT_ONCE: Final = 4
# A payment belongs to an order of before it, and is told a while after it was made.
AROUND_US: Final = DAY_US
TOLD_WITHIN_US: Final = HOUR_US


class ProviderComparison:
    """Compares with one provider of one environment; one object for each run."""

    def __init__(
        self, database: Database, payments: Payments, provider: str, comparison: Comparison
    ) -> None:
        self._database = database
        self._payments = payments
        self._provider = provider
        self._comparison = comparison
        # Every id of the payments that the provider's list shows.
        self._listed: set[str] = set()
        self._answers = 0

    async def compare(self) -> AsyncIterator[FoundDifference]:
        """Raises ProviderUnavailable and ProviderRefused where the provider gives no word at all."""
        environment = next(one for one in ENVIRONMENTS if one == self._comparison.environment)
        provider = self._payments.providers.of(self._provider, environment)
        listing = None if provider is None else ability(provider, Listing)  # type: ignore[type-abstract]
        if listing is not None:
            async for one in self._list(listing):
                yield one
        async for one in self._orders():
            yield one

    async def _list(self, listing: Listing) -> AsyncIterator[FoundDifference]:
        since, until = self._comparison.since - AROUND_US, self._comparison.now_us
        cursor: str | None = None
        while True:
            page = await listing.list_payments(since, until, cursor)
            for payment in page.payments:
                self._listed.update((payment.payment_id, *payment.objects))
                if payment.status == "paid":
                    for one in await self._payment(payment):
                        yield one
            cursor = page.next_cursor
            if cursor is None:
                return

    async def _payment(self, payment: ListedPayment) -> list[FoundDifference]:
        self._comparison.checked += 1
        self._answers += 1
        found = await self._subject(payment)
        if found is None:
            return self._unknown(payment)
        if found.kind == "period":
            return await self._period(payment, found)
        order = found.order
        assert order is not None, "what is no period is an order"
        if not order.is_settled and order.status != "review" and self._is_kept(payment):
            order = await self._taken_up(order)
        if order.kind == "subscription":
            # Its periods are credited, and a first one may still be on its way.
            is_due = payment.created_at <= self._comparison.now_us - TOLD_WITHIN_US
            return [self._uncredited(order, payment)] if is_due and self._is_kept(payment) else []
        return self._judged(order, payment)

    def _judged(self, order: Order, payment: ListedPayment) -> list[FoundDifference]:
        """An order beside its payment."""
        ids = {payment.payment_id, *payment.objects}
        is_its_own = order.payment_id is None or order.payment_id in ids
        if not order.is_settled or not is_its_own:
            return [self._uncredited(order, payment)] if self._is_kept(payment) else []
        found: list[FoundDifference] = []
        if payment.price != order.payment:
            detail = f"{in_words(payment.price)} came, {in_words(order.payment)} was credited"
            found.append(
                self._of_order("amount_differs", order, order.payment.amount, payment.price.amount)
                if payment.price.currency == order.pay_currency
                else FoundDifference(
                    "amount_differs",
                    order.id,
                    order.payment.amount,
                    0,
                    order.pay_currency,
                    detail,
                    order.account_id,
                )
            )
        back = min(payment.refunded + payment.disputed, payment.price.amount)
        if back != order.refunded_amount:
            found.append(self._of_order("refund_differs", order, order.refunded_amount, back))
        return found

    async def _period(self, payment: ListedPayment, found: FactSubject) -> list[FoundDifference]:
        known = await self._database.read(
            lambda tx: subscription_rows.load_periods(tx, [found.names["subscription_id"]])
        )
        periods = [one for of in known.values() for one in of]
        start = found.names["period_start_at"]
        period = next(one for one in periods if one.period_start_at == start)
        back = min(payment.refunded + payment.disputed, payment.price.amount)
        if back == period.refunded_amount:
            return []
        detail = f"{payment.payment_id} paid the period of invoice {period.invoice_id}"
        sums = (period.refunded_amount, back, payment.price.currency)
        return [FoundDifference("refund_differs", period.id, *sums, detail, period.account_id)]

    async def _orders(self) -> AsyncIterator[FoundDifference]:
        """Those that the list does not settle, a few at a time."""
        after_id = least_id("ord", self._comparison.since)
        while True:
            page = await self._database.read(partial(self._page, after_id=after_id))
            async for one in self._asked([one for one in page if not self._is_listed(one)]):
                yield one
            if len(page) < ROWS:
                break
            after_id = page[-1].id
        again = await self._database.read(self._again)
        async for one in self._asked([one for one in again if not self._is_listed(one)]):
            yield one

    async def _asked(self, wanted: Sequence[Order]) -> AsyncIterator[FoundDifference]:
        for at in range(0, len(wanted), ASKED_AT_ONCE):
            some = wanted[at : at + ASKED_AT_ONCE]
            for found in await asyncio.gather(*map(self._ask, some)):
                if found is not None:
                    yield found
            if not self._answers:
                raise ProviderUnavailable(f"{self._provider} gives no answer")

    async def _ask(self, order: Order) -> FoundDifference | None:
        self._comparison.checked += 1
        try:
            facts = await self._payments.asked(order)
        except (ProviderUnavailable, ProviderRefused):
            self._comparison.unanswered.add(order.id)
            return None
        self._answers += 1
        now = await self._database.read(lambda tx: orders.find(tx, order.id)) or order
        paid = next((fact for fact in facts if isinstance(fact, Paid)), None)
        return self._told(now, paid, facts)

    def _told(
        self, order: Order, paid: Paid | None, facts: Sequence[Fact]
    ) -> FoundDifference | None:
        """The order beside the provider's own answer about it."""
        if paid is None:
            is_gone = any(isinstance(fact, Refunded) for fact in facts)
            if not order.is_settled or order.refunded_amount or is_gone:
                return None
            return self._of_order("credited_not_paid", order, order.payment.amount, 0)
        amount = paid.price.amount
        if not order.is_settled:
            return self._of_order("paid_not_credited", order, 0, amount)
        if order.kind == "subscription" and not amount:
            return None  # a trial: nothing was due, and its paid periods are compared by themselves
        if paid.payment_id == order.payment_id and paid.price != order.payment:
            return self._of_order("amount_differs", order, order.payment.amount, amount)
        return None

    async def _taken_up(self, order: Order) -> Order:
        """The order after the provider's word was acted on."""
        try:
            await self._payments.asked(order)
        except (ProviderUnavailable, ProviderRefused):
            return order
        return await self._database.read(lambda tx: orders.find(tx, order.id)) or order

    async def _subject(self, payment: ListedPayment) -> FactSubject | None:
        at = NotificationRef(self._provider, self._comparison.environment, "", "")
        named = Subject(payment.order_id, payment.objects)
        fact = Refunded(named, payment.payment_id, payment.price)

        async def work(tx: Transaction, told: Sequence[str]) -> FactSubject | None:
            ids = await unmatched.related(tx, at, told)
            return await fact_subjects.find(tx, fact, ids, at)

        ids = (payment.payment_id, *payment.objects)
        found = await self._database.read(partial(work, told=ids))
        if found is None:
            # Which invoice a payment belongs to is an event of its own, which may not be enabled.
            known = await self._payments.linked(at, ids)
            found = await self._database.read(partial(work, told=known))
        is_ours = found is not None and found.owner.environment == self._comparison.environment
        return found if is_ours else None

    async def _page(self, tx: Transaction, after_id: str) -> Sequence[Order]:
        return await orders.opened_since(
            tx, self._comparison.environment, self._provider, after_id=after_id, limit=ROWS
        )

    async def _again(self, tx: Transaction) -> Sequence[Order]:
        """Those that differed before, however old."""
        first = least_id("ord", self._comparison.since)
        wanted = sorted(one for one in self._comparison.subjects if "ord_" <= one < first)
        known = [await orders.find(tx, one) for one in wanted]
        return [one for one in known if one is not None and one.provider_ref is not None]

    def _is_listed(self, order: Order) -> bool:
        return order.is_settled and order.payment_id in self._listed

    def _is_kept(self, payment: ListedPayment) -> bool:
        """Some of it is still with the operator."""
        return payment.refunded + payment.disputed < payment.price.amount

    def _unknown(self, payment: ListedPayment) -> list[FoundDifference]:
        if not self._is_kept(payment):
            return []
        named = f", for {payment.order_id}" if payment.order_id else ""
        sums = (0, payment.price.amount, payment.price.currency)
        detail = f"payment {payment.payment_id}{named}"
        return [FoundDifference("unknown_payment", payment.payment_id, *sums, detail)]

    def _uncredited(self, order: Order, payment: ListedPayment) -> FoundDifference:
        detail = f"payment {payment.payment_id} of order {order.id}, which is {order.status}"
        sums = (0, payment.price.amount, payment.price.currency)
        subject = order.id if not order.is_settled else payment.payment_id
        return FoundDifference("paid_not_credited", subject, *sums, detail, order.account_id)

    def _of_order(
        self, kind: DifferenceKind, order: Order, expected: int, found: int
    ) -> FoundDifference:
        detail = f"order {order.id} is {order.status}"
        sums = (expected, found, order.pay_currency)
        return FoundDifference(kind, order.id, *sums, detail, order.account_id)
