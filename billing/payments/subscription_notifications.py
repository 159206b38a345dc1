"""A provider's word about subscriptions, acted on: each fact becomes one command on one of them.

A fact finds its subscription by the provider's id of it, or by the order that began it; a refund or
dispute finds the period by the ids of its payment.
"""

from collections.abc import Callable, Sequence

from billing.engine.command import Command
from billing.engine.engine import Engine
from billing.orders import queries as order_list
from billing.payments.unmatched import Reversed, kind_of
from billing.providers.event_log import NotificationRef, Outcome
from billing.providers.protocol import DisputeClosed, InvoicePaid, RefundFailed, SubscriptionChanged
from billing.subscriptions import records as subscription_rows
from billing.subscriptions.lifecycle import ChangeSubscription
from billing.subscriptions.period import Billed, PayPeriod
from billing.subscriptions.records import ITSELF
from billing.subscriptions.reversal import ClosePeriodDispute, FailPeriodRefund, ReversePeriod
from billing.subscriptions.subscription import Subscription
from store.database import Database, Transaction

Standing = InvoicePaid | SubscriptionChanged
Found = tuple[Subscription, int]  # and the period's start


class SubscriptionNotificationHandler:
    """Acts on facts about subscriptions, each in a transaction of its own."""

    def __init__(self, database: Database, engine: Engine) -> None:
        self._database = database
        self._engine = engine

    async def find(self, fact: Standing, told: NotificationRef) -> Subscription | None:
        """Whose it is, also where provider or environment are not those of the notification."""

        async def work(tx: Transaction) -> Subscription | None:
            at = (told.provider, told.environment)
            for place in await subscription_rows.find_objects(tx, *at, [fact.subscription_ref]):
                return await subscription_rows.find(tx, place[0])
            order_id = fact.subject.order_id
            if order_id is None:
                order = await order_list.find_by_objects(tx, *at, fact.subject.objects)
                order_id = None if order is None else order.id
            return None if order_id is None else await subscription_rows.find_by_order(tx, order_id)

        return await self._database.read(work)

    async def find_period(self, ids: Sequence[str], told: NotificationRef) -> Found | None:
        """The period that was paid by one of these ids, as far as it was credited."""

        async def work(tx: Transaction) -> Found | None:
            at = (told.provider, told.environment)
            for subscription_id, start in await subscription_rows.find_objects(tx, *at, ids):
                if start == ITSELF:
                    continue
                known = (await subscription_rows.load_periods(tx, [subscription_id])).get(
                    subscription_id, []
                )
                owner = await subscription_rows.find(tx, subscription_id)
                names = await subscription_rows.objects_at(tx, subscription_id, start)
                # One that was approved before its invoice came begins at another time.
                starts = [
                    one.period_start_at
                    for one in known
                    if one.period_start_at == start or one.invoice_id in names
                ]
                if owner is not None and starts:
                    return owner, starts[0]
            return None

        return await self._database.read(work)

    async def act(self, fact: Standing, one: Subscription, told: NotificationRef) -> Outcome:
        """Credits a paid period, or notes how the subscription stands."""
        if isinstance(fact, InvoicePaid):
            return await self._submit(
                PayPeriod,
                one,
                told,
                provider_ref=fact.subscription_ref,
                invoice_id=fact.invoice_id,
                price=fact.price,
                period_start_at=fact.period_start_at,
                period_end_at=fact.period_end_at,
                product_ref=fact.product_ref,
                is_prorated=fact.is_prorated,
                customer_ref=fact.customer_ref,
                objects=fact.subject.objects,
                lines=fact.lines,
                is_change=fact.is_change,
            )
        return await self._submit(
            ChangeSubscription,
            one,
            told,
            provider_ref=fact.subscription_ref,
            status=fact.status,
            period_end_at=fact.period_end_at,
            is_ending=fact.is_ending,
            product_ref=fact.product_ref,
            sent_at=fact.sent_at,
        )

    async def reverse(self, fact: Reversed, found: Found, told: NotificationRef) -> Outcome:
        """Takes a period's credit back, or gives it back."""
        one, start = found
        if isinstance(fact, DisputeClosed):
            return await self._submit(
                ClosePeriodDispute,
                one,
                told,
                period_start_at=start,
                key=fact.key,
                is_won=fact.is_won,
            )
        return await self._submit(
            FailPeriodRefund if isinstance(fact, RefundFailed) else ReversePeriod,
            one,
            told,
            period_start_at=start,
            key=fact.key,
            kind=kind_of(fact),
            price=fact.price,
        )

    async def _submit(
        self,
        make: Callable[..., Command[Billed]],
        one: Subscription,
        told: NotificationRef,
        **fields: object,
    ) -> Outcome:
        command = make(subscription_id=one.id, scope=one.scope, told=told, **fields)
        return (await self._engine.submit(command)).outcome
