"""A provider's word, acted on: each fact becomes one command on what it is about.

Promise: a genuine notification leaves a row in the operator's log, with what became of it, in the
transaction of that change. A payment that the notification does not prove is confirmed by asking
the provider first. A fact about nothing of ours changes nothing; a refund or dispute among them is
kept until its payment is told, and so are ids that belong together.
"""

from collections.abc import Callable, Sequence
from functools import partial

from billing.engine.command import Command
from billing.engine.engine import Engine
from billing.orders import queries as order_list
from billing.orders.order import Order
from billing.orders.reversal import CloseDispute, FailRefund, Reverse, Settled
from billing.orders.settlement import EndUnpaid, SettlePaid
from billing.payments import unmatched as stray
from billing.payments.checkout import Checkouts
from billing.payments.subscription_notifications import Standing, SubscriptionNotificationHandler
from billing.providers import event_log as provider_event
from billing.providers.event_log import LogEntry, NotificationRef, Outcome
from billing.providers.problem import Problem
from billing.providers.protocol import (
    DisputeClosed,
    Disputed,
    Expired,
    Fact,
    Failed,
    Ignored,
    InvoicePaid,
    Paid,
    ProviderRefused,
    ProviderUnavailable,
    Refunded,
    RefundFailed,
    Subject,
    SubscriptionChanged,
    Unconfirmed,
    Waiting,
)
from billing.subscriptions import records as subscription_rows
from kernel.clock import Clock
from store.database import Database, Transaction

# Every fact but those that say nothing.
Telling = (
    Paid
    | Unconfirmed
    | Failed
    | Expired
    | Waiting
    | Refunded
    | RefundFailed
    | Disputed
    | DisputeClosed
    | InvoicePaid
    | SubscriptionChanged
)
_WEIGHTS: Sequence[Outcome] = ("repeated", "ignored", "unknown", "applied", "review", "refused")
_NOT_CONFIRMED = "the provider does not confirm the payment"


class NotificationHandler:
    """Acts on facts, each in a transaction of its own; told says where they come from."""

    def __init__(
        self, database: Database, clock: Clock, engine: Engine, checkouts: Checkouts
    ) -> None:
        self._database = database
        self._clock = clock
        self._engine = engine
        self._checkouts = checkouts
        self._subscriptions = SubscriptionNotificationHandler(database, engine)

    async def act_on(self, facts: Sequence[Fact], told: NotificationRef) -> Outcome:
        """The weightiest outcome; raises ProviderUnavailable where a confirmation did not come."""
        outcomes = [await self._act(fact, told) for fact in facts]
        if not outcomes:
            outcomes = [await self._note(told, "ignored", "it says nothing")]
        return max(outcomes, key=_WEIGHTS.index)

    async def confirm(self, order: Order, facts: Sequence[Fact], told: NotificationRef) -> Outcome:
        """Acts on the provider's answer about this order; what is still unproven is passed over."""
        telling = [one for one in facts if not isinstance(one, Unconfirmed | Waiting | Ignored)]
        outcomes = [
            await self._act_on_subscription(fact, told)
            if isinstance(fact, Standing)
            else await self._act_on_order(fact, order, told)
            for fact in telling
        ]
        return max(outcomes, key=_WEIGHTS.index, default="ignored")

    async def _act(self, fact: Fact, told: NotificationRef) -> Outcome:
        if isinstance(fact, Ignored):
            return await self._note(told, "ignored", fact.why)
        if isinstance(fact, Waiting) and fact.subject.order_id is None:
            await self._link(fact, told)
        outcome = await self._act_known(fact, told)
        if isinstance(fact, InvoicePaid | Paid | Waiting):
            await self._take_up(fact, told)
        return outcome

    async def _act_known(self, fact: Telling, told: NotificationRef) -> Outcome:
        if isinstance(fact, Standing):
            return await self._act_on_subscription(fact, told)
        ids = await self._related(fact.subject.objects, told)
        if isinstance(fact, stray.Reversed) and not await self._is_known(fact, ids, told):
            ids = await self._learnt(fact, ids, told)
        if isinstance(fact, stray.Reversed):
            period = await self._subscriptions.find_period(ids, told)
            if period is not None:
                return await self._subscriptions.reverse(fact, period, told)
        order = await self._find(Subject(fact.subject.order_id, ids), told)
        if isinstance(fact, stray.Reversed) and (order is None or order.kind == "subscription"):
            # An order of a plan credited nothing itself, and the period that did is not known yet.
            await self._keep(fact, order, told)
        if order is None:
            named = fact.subject.order_id or " ".join(fact.subject.objects)
            return await self._note(told, "unknown", f"no order of ours: {named}")
        if (order.provider, order.environment) != (told.provider, told.environment):
            whose = f"an order at {order.provider} in {order.environment}"
            detail = f"{told.provider} in {told.environment} speaks of {order.id}, {whose}"
            problem = Problem(
                "other_provider", detail, whose, f"{told.provider} in {told.environment}"
            )
            return await self._note(told, "refused", detail, order, problem)
        return await self._act_on_known_order(fact, order, told)

    async def _act_on_known_order(
        self, fact: Telling, order: Order, told: NotificationRef
    ) -> Outcome:
        if isinstance(fact, Waiting):
            return await self._note(told, "ignored", "not paid yet", order)
        if isinstance(fact, Unconfirmed):
            return await self._inquire(fact, order, told)
        if isinstance(fact, stray.Reversed) and order.kind == "subscription":
            return await self._note(told, "ignored", "it waits for its payment", order)
        return await self._act_on_order(fact, order, told)

    async def _act_on_subscription(self, fact: Standing, told: NotificationRef) -> Outcome:
        one = await self._subscriptions.find(fact, told)
        if one is None:
            return await self._note(told, "unknown", f"subscription {fact.subscription_ref}")
        if (one.provider, one.environment) != (told.provider, told.environment):
            whose = f"a subscription at {one.provider} in {one.environment}"
            detail = f"{told.provider} in {told.environment} speaks of {one.id}, {whose}"
            return await self._note(told, "refused", detail)
        return await self._subscriptions.act(fact, one, told)

    async def _take_up(self, fact: InvoicePaid | Paid | Waiting, told: NotificationRef) -> None:
        """Acts on refunds and disputes of the payment that were told before it."""
        ids = fact.subject.objects
        if isinstance(fact, InvoicePaid):
            ids = (fact.invoice_id, *ids)
        if isinstance(fact, Paid):
            ids = (fact.payment_id, *ids)
        known = await self._related(ids, told)
        if not known:
            return
        for one in await self._database.read(lambda tx: stray.waiting(tx, told, known)):
            await self._act_known(one, told)

    async def take_up_of(self, order: Order, event_id: str) -> None:
        """Refunds and disputes of a plan's payments that were told before these were approved."""
        told = NotificationRef(order.provider, order.environment, event_id, "operator.approved")
        ids = await self._database.read(lambda tx: subscription_rows.objects_of_order(tx, order.id))
        known = await self._related([*ids, *([order.payment_id] if order.payment_id else [])], told)
        for one in await self._database.read(lambda tx: stray.waiting(tx, told, known)):
            await self._act_known(one, told)

    async def _related(self, ids: Sequence[str], told: NotificationRef) -> tuple[str, ...]:
        return await self._database.read(lambda tx: stray.related(tx, told, ids))

    async def _is_known(
        self, fact: stray.Reversed, ids: tuple[str, ...], told: NotificationRef
    ) -> bool:
        if await self._subscriptions.find_period(ids, told) is not None:
            return True
        return await self._find(Subject(fact.subject.order_id, ids), told) is not None

    async def _learnt(
        self, fact: stray.Reversed, ids: Sequence[str], told: NotificationRef
    ) -> tuple[str, ...]:
        """The ids with those that the provider says they belong to.

        Of a renewal's refund Stripe names the payment alone, and which invoice that paid is an
        event of its own, which may not be enabled. Raises ProviderUnavailable: it is told again.
        """
        now_us = self._clock.now_us()
        for pair in await self._checkouts.linked(told, fact.subject.objects):
            await self._database.transaction(
                lambda tx, pair=pair: stray.link(tx, told, pair, now_us=now_us)  # type: ignore[misc]
            )
        return await self._related(ids, told)

    async def _link(self, fact: Waiting, told: NotificationRef) -> None:
        """Ids that were told to belong together, such as an invoice and what paid it."""
        ids, now_us = fact.subject.objects, self._clock.now_us()
        if len(ids) > 1:
            await self._database.transaction(lambda tx: stray.link(tx, told, ids, now_us=now_us))

    async def _keep(self, fact: stray.Reversed, order: Order | None, told: NotificationRef) -> None:
        owner, now_us = None if order is None else order.account_id, self._clock.now_us()
        await self._database.transaction(
            lambda tx: stray.keep(tx, told, fact, account_id=owner, now_us=now_us)
        )

    async def _inquire(self, fact: Unconfirmed, order: Order, told: NotificationRef) -> Outcome:
        try:
            facts = await self._checkouts.inquire(order, fact.ref)
        except (ProviderUnavailable, ProviderRefused) as error:
            await self._note(told, "ignored", f"not confirmed yet: {error.detail}", order)
            raise
        other = _contradiction(fact.claim, facts)
        if other is not None:
            return await self._note(told, "review", other.sentence, order, other)
        outcome = await self.confirm(order, facts, told)
        if outcome == "ignored":
            await self._note(told, "ignored", _NOT_CONFIRMED, order)
        return outcome

    async def _act_on_order(self, fact: Fact, order: Order, told: NotificationRef) -> Outcome:
        make = _command(fact)
        if isinstance(fact, Paid) and order.kind == "subscription":
            make = partial(make, is_plan=True, subtotal=fact.subtotal)
        command = make(order_id=order.id, scope=order.scope, told=told)
        return (await self._engine.submit(command)).outcome

    async def _find(self, subject: Subject, told: NotificationRef) -> Order | None:
        """By the order's own id, else by what the provider calls it."""

        async def work(tx: Transaction) -> Order | None:
            found = None
            if subject.order_id is not None:
                found = await order_list.find(tx, subject.order_id)
            if found is None and subject.objects:
                found = await order_list.find_by_objects(
                    tx, told.provider, told.environment, subject.objects
                )
            return found

        return await self._database.read(work)

    async def _note(
        self,
        told: NotificationRef,
        outcome: Outcome,
        detail: str,
        order: Order | None = None,
        problem: Problem | None = None,
    ) -> Outcome:
        """A row for what changes no order."""
        entry = LogEntry(
            told,
            outcome,
            self._clock.now_us(),
            None if order is None else order.account_id,
            None if order is None else order.id,
            detail,
            problem=problem,
        )

        async def work(tx: Transaction) -> None:
            await provider_event.record(tx, [entry])

        await self._database.transaction(work)
        return outcome


def _contradiction(claim: Paid | None, answer: Sequence[Fact]) -> Problem | None:
    """Where the provider's own answer tells of another payment than its notification did."""
    paid = next((one for one in answer if isinstance(one, Paid)), None)
    if claim is None or paid is None:
        return None
    said, answered = _in_words(claim), _in_words(paid)
    if claim.method is None or paid.method is None:
        said, answered = said[:2], answered[:2]
    if said == answered:
        return None
    sentence = f"{' '.join(said)} was told, and {' '.join(answered)} when we asked"
    return Problem("contradiction", sentence, " ".join(answered), " ".join(said))


def _in_words(paid: Paid) -> tuple[str, ...]:
    price = f"{paid.price.decimal()} {paid.price.currency}"
    return (f"payment {paid.payment_id}", price, *([f"with {paid.method}"] if paid.method else []))


def _command(fact: Fact) -> Callable[..., Command[Settled]]:
    """The command that the fact calls for, but for the order and who told it."""
    match fact:
        case Paid():
            return partial(
                SettlePaid,
                payment_id=fact.payment_id,
                price=fact.price,
                objects=fact.subject.objects,
                customer_ref=fact.customer_ref,
                objection=fact.objection,
                method=fact.method,
            )
        case Failed():
            return partial(EndUnpaid, status="failed", reason=fact.reason)
        case Expired():
            return partial(EndUnpaid, status="expired")
        case Refunded() | Disputed():
            kind = stray.kind_of(fact)
            return partial(Reverse, key=fact.key, kind=kind, price=fact.price)
        case RefundFailed():
            kind = stray.kind_of(fact)
            return partial(FailRefund, key=fact.key, kind=kind, price=fact.price)
        case DisputeClosed():
            return partial(CloseDispute, key=fact.key, is_won=fact.is_won)
        case _:
            raise AssertionError(f"{type(fact).__name__} changes no order")
