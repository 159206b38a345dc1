"""Process a payment provider's notification. Each fact in it becomes a command on an order, period or subscription.

A refund of a plan's payment concerns the period that was paid, because a plan's order gives no credit. A payment that
the notification doesn't prove is first confirmed with the provider. Facts may arrive in any order, so a refund or
dispute is stored until its payment is known.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal, Protocol, get_args

import msgspec

from billing.engine.engine import Command, Engine
from billing.ledger.price import Price
from billing.orders import records as order_list
from billing.orders.order import Order
from billing.orders.refund import Reversed
from billing.orders.reversal import ReverseOrder
from billing.orders.settlement import EndUnpaid, SettlePaid
from billing.orders.working_set import find_told
from billing.payments import disputes
from billing.payments.checkout import Checkouts
from billing.providers import breakdown, event_log
from billing.providers.event_log import (
    LogEntry,
    NotificationOutcome,
    NotificationRef,
    Problem,
    in_words,
)
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
from billing.subscriptions.lifecycle import ChangeSubscription
from billing.subscriptions.period import PayPeriod, ReversePeriod
from billing.subscriptions.place import SettlePaidPlan
from billing.subscriptions.records import ITSELF
from billing.subscriptions.subscription import Subscription
from billing.subscriptions.uncredited import ReverseUncredited
from kernel.clock import Clock
from store.database import Database, Row, Transaction
from store.row_mapping import RowMapping

SubjectFact = (
    Paid | Unconfirmed | Failed | Expired | Waiting | Reversed | InvoicePaid | SubscriptionChanged
)
SubjectKind = Literal[
    "order", "uncredited payment", "second payment", "plan order", "subscription", "period"
]


@dataclass(frozen=True, slots=True)
class FactSubject:
    kind: SubjectKind
    owner: Order | Subscription
    names: Mapping[str, Any]

    @property
    def order(self) -> Order | None:
        return self.owner if isinstance(self.owner, Order) else None


def order_subject(order: Order) -> FactSubject:
    kind: SubjectKind = "plan order" if order.kind == "subscription" else "order"
    return FactSubject(kind, order, {"order_id": order.id, "tenant": order.tenant})


async def find_subject(
    tx: Transaction, fact: SubjectFact, ids: Iterable[str], notification: NotificationRef
) -> FactSubject | None:
    """Return what a report is about, even if it belongs to another provider or environment.

    `ids` are the provider's IDs in the report, and related IDs.
    """
    if isinstance(fact, InvoicePaid | SubscriptionChanged):
        return await _subscription_of(tx, fact, notification)
    if isinstance(fact, Reversed):
        period = await _period(tx, ids, notification)
        if period is not None:
            return period
    named = tuple(ids)
    order = await _order(tx, fact, named, notification)
    if isinstance(fact, Reversed):
        uncredited = await _uncredited(tx, fact, named, order, notification)
        if uncredited is not None:
            return uncredited
    if order is None:
        return None
    if isinstance(fact, Reversed) and _is_of_second_payment(order, named):
        return FactSubject("second payment", order, {})
    return order_subject(order)


async def _subscription_of(
    tx: Transaction, fact: InvoicePaid | SubscriptionChanged, notification: NotificationRef
) -> FactSubject | None:
    at = (notification.provider, notification.environment)
    places = await subscription_rows.find_objects(tx, *at, [fact.subscription_ref])
    if places:
        found = await subscription_rows.find(tx, places[0][0])
    else:
        order_id = fact.subject.order_id
        if order_id is None:
            order = await order_list.find_by_objects(tx, *at, fact.subject.objects)
            order_id = None if order is None else order.id
        found = None if order_id is None else await subscription_rows.find_by_order(tx, order_id)
    return None if found is None else _of_subscription("subscription", found)


async def _period(
    tx: Transaction, ids: Iterable[str], notification: NotificationRef
) -> FactSubject | None:
    at = (notification.provider, notification.environment)
    for subscription_id, start in await subscription_rows.find_objects(tx, *at, ids):
        if start == ITSELF:
            continue
        known = await subscription_rows.load_periods(tx, [subscription_id])
        owner = await subscription_rows.find(tx, subscription_id)
        names = await subscription_rows.objects_at(tx, subscription_id, start)

        starts = [
            one.period_start_at
            for one in known.get(subscription_id, [])
            if one.period_start_at == start or one.invoice_id in names
        ]
        if owner is not None and starts:
            named = {"period_start_at": starts[0], "order_id": owner.order_id}
            return _of_subscription("period", owner, **named)
    return None


async def _order(
    tx: Transaction, fact: SubjectFact, ids: Iterable[str], notification: NotificationRef
) -> Order | None:
    order_id = fact.subject.order_id
    found = None if order_id is None else await order_list.find(tx, order_id)
    listed = tuple(ids)
    if found is None and listed:
        at = (notification.provider, notification.environment)
        found = await order_list.find_by_objects(tx, *at, listed)
    return found


async def _uncredited(
    tx: Transaction,
    fact: Reversed,
    ids: Sequence[str],
    order: Order | None,
    notification: NotificationRef,
) -> FactSubject | None:
    if order is None:
        at = (notification.provider, notification.environment)
        for subscription_id, _ in await subscription_rows.find_objects(tx, *at, ids):
            owner = await subscription_rows.find(tx, subscription_id)
            order = None if owner is None else await order_list.find(tx, owner.order_id)
    if order is None:
        return None
    amount = fact.price.amount if isinstance(fact, Refunded | RefundFailed) else None
    told = await find_told(tx, order, [fact.key, *ids], amount)
    if told is None:
        return None
    names = {**order_subject(order).names, "payment_id": told.id}
    return FactSubject("uncredited payment", order, names)


def _is_of_second_payment(order: Order, ids: Sequence[str]) -> bool:
    """Return whether the IDs name a different payment, such as pi_2 if the order's payment is pi_1."""
    own = order.payment_id or ""
    kind, has_kind, _ = own.partition("_")
    alike = [one for one in ids if has_kind and one.startswith(f"{kind}_")]
    return bool(alike) and own not in alike


def _of_subscription(kind: SubjectKind, found: Subscription, **more: Any) -> FactSubject:
    return FactSubject(kind, found, {"subscription_id": found.id, "tenant": found.tenant, **more})


class Decided(Protocol):
    @property
    def outcome(self) -> NotificationOutcome: ...


Make = Callable[..., Command[Decided]]
Build = Callable[[Any], Make]


@dataclass(frozen=True, slots=True)
class Note:
    outcome: NotificationOutcome
    detail: str


@dataclass(frozen=True, slots=True)
class Inquire:
    pass


def _paid(command: type[SettlePaid], fact: Paid) -> Make:
    return partial(
        command,
        payment_id=fact.payment_id,
        price=fact.price,
        objects=fact.subject.objects,
        customer_ref=fact.customer_ref,
        objection=fact.objection,
        method=fact.method,
    )


def _paid_plan(fact: Paid) -> Make:
    return partial(_paid(SettlePaidPlan, fact), subtotal=fact.subtotal)


def _failed(fact: Failed) -> Make:
    return partial(EndUnpaid, status="failed", reason=fact.reason)


def _expired(_: Expired) -> Make:
    return partial(EndUnpaid, status="expired")


def _reversal(command: Callable[..., Command[Decided]]) -> Build:
    return lambda fact: partial(command, fact=fact)


def _invoice(fact: InvoicePaid) -> Make:
    return partial(
        PayPeriod,
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
        is_listed=fact.is_listed,
    )


def _subscription(fact: SubscriptionChanged) -> Make:
    return partial(
        ChangeSubscription,
        provider_ref=fact.subscription_ref,
        status=fact.status,
        period_end_at=fact.period_end_at,
        is_ending=fact.is_ending,
        product_ref=fact.product_ref,
        sent_at=fact.sent_at,
        resumes_at=fact.resumes_at,
    )


_REVERSED: Final = get_args(Reversed)
_UNPAID: Final[Mapping[type, Build | Note | Inquire]] = {
    Unconfirmed: Inquire(),
    Waiting: Note("ignored", "not paid yet"),
    Failed: _failed,
    Expired: _expired,
}
ACTIONS: Final[Mapping[SubjectKind, Mapping[type, Build | Note | Inquire]]] = {
    "order": {
        **_UNPAID,
        Paid: partial(_paid, SettlePaid),
        **dict.fromkeys(_REVERSED, _reversal(ReverseOrder)),
    },
    "uncredited payment": dict.fromkeys(_REVERSED, _reversal(ReverseUncredited)),
    # Only for older orders, whose second payments have no row.
    "second payment": dict.fromkeys(
        _REVERSED, Note("ignored", "it is of a second payment, which credited nothing")
    ),
    # A plan's credit is in its periods. Reversals wait until the paid period is known.
    "plan order": {
        **_UNPAID,
        Paid: _paid_plan,
        **dict.fromkeys(_REVERSED, Note("ignored", "it waits for its payment")),
    },
    "subscription": {InvoicePaid: _invoice, SubscriptionChanged: _subscription},
    "period": dict.fromkeys(_REVERSED, _reversal(ReversePeriod)),
}


UnmatchedKind = Literal["refund", "part", "failed", "failed_part", "dispute", "closed"]
IDS_MAX = 100


class _Unmatched(msgspec.Struct, frozen=True, gc=False):
    provider: str
    environment: str
    object_id: str
    key: str
    kind: UnmatchedKind
    account_id: str | None
    amount: int
    currency: str
    is_won: int
    created_at: int


_ROWS = RowMapping(_Unmatched)


async def link(
    tx: Transaction, notification: NotificationRef, ids: Sequence[str], *, now_us: int
) -> None:
    rows = [
        (notification.provider, notification.environment, one, ids[0], now_us)
        for one in sorted(set(ids[1:IDS_MAX]) - {ids[0]})
    ]
    await tx.insert(
        "provider_links",
        ("provider", "environment", "object_id", "linked_id", "created_at"),
        rows,
        on_conflict="ON CONFLICT DO NOTHING",
    )


async def related(
    tx: Transaction, notification: NotificationRef, ids: Iterable[str]
) -> tuple[str, ...]:
    given = list(dict.fromkeys(ids))[:IDS_MAX]
    if not given:
        return ()
    rows = await tx.fetch(
        """SELECT object_id, linked_id FROM provider_links
           WHERE provider = :provider AND environment = :environment
             AND object_id IN :ids[text]
           UNION
           SELECT object_id, linked_id FROM provider_links
           WHERE provider = :provider AND environment = :environment
             AND linked_id IN :ids[text]
           ORDER BY linked_id, object_id""",
        provider=notification.provider,
        environment=notification.environment,
        ids=sorted(given),
    )
    also = [one for row in rows for one in (row["linked_id"], row["object_id"])]
    return tuple(dict.fromkeys([*given, *also]))


async def save_unmatched(
    tx: Transaction,
    notification: NotificationRef,
    fact: Reversed,
    *,
    account_id: str | None,
    now_us: int,
) -> None:
    price = Price(0, "") if isinstance(fact, DisputeClosed) else fact.price
    rows = [
        _Unmatched(
            notification.provider,
            notification.environment,
            object_id,
            fact.key,
            _kind(fact),
            account_id,
            price.amount,
            price.currency,
            int(isinstance(fact, DisputeClosed) and fact.is_won),
            now_us,
        )
        for object_id in sorted(set(fact.subject.objects[:IDS_MAX]))
    ]
    await tx.insert(
        "provider_strays",
        _ROWS.columns,
        [_ROWS.write(row) for row in rows],
        on_conflict="""ON CONFLICT (provider, environment, object_id, key, kind) DO UPDATE SET
            amount = excluded.amount WHERE provider_strays.amount < excluded.amount""",
    )


async def waiting(
    tx: Transaction, notification: NotificationRef, ids: Iterable[str]
) -> list[Reversed]:
    """Return the stored facts that were waiting for this payment to become known. List a dispute's opening before its
    end.
    """
    rows = await tx.fetch(
        """SELECT DISTINCT object_id, key, kind, amount, currency, is_won, created_at
           FROM provider_strays
           WHERE provider = :provider AND environment = :environment AND object_id IN :ids[text]
           ORDER BY created_at, kind DESC, key""",
        provider=notification.provider,
        environment=notification.environment,
        ids=sorted(set(ids)),
    )
    return [_fact(row) for row in rows]


def _fact(row: Row) -> Reversed:
    subject = Subject(None, (row["object_id"],))
    if row["kind"] == "closed":
        return DisputeClosed(subject, row["key"], is_won=bool(row["is_won"]))
    price = Price(row["amount"], row["currency"])
    if row["kind"] == "dispute":
        return Disputed(subject, row["key"], price)
    form = RefundFailed if row["kind"].startswith("failed") else Refunded
    return form(subject, row["key"], price, is_part=row["kind"].endswith("part"))


def _kind(fact: Reversed) -> UnmatchedKind:
    match fact:
        case DisputeClosed():
            return "closed"
        case Disputed():
            return "dispute"
        case RefundFailed():
            return "failed_part" if fact.is_part else "failed"
        case Refunded():
            return "part" if fact.is_part else "refund"


_WEIGHTS: Sequence[NotificationOutcome] = (
    "repeated",
    "ignored",
    "unknown",
    "applied",
    "review",
    "refused",
)
_NOT_CONFIRMED = "the provider does not confirm the payment"


class NotificationHandler:
    def __init__(
        self, database: Database, clock: Clock, engine: Engine, checkouts: Checkouts
    ) -> None:
        self._database = database
        self._clock = clock
        self._engine = engine
        self._checkouts = checkouts

    async def act_on(
        self, facts: Sequence[Fact], notification: NotificationRef
    ) -> NotificationOutcome:
        outcomes = [await self._act(fact, notification) for fact in facts]
        if not outcomes:
            outcomes = [await self._note(notification, "ignored", "it says nothing")]
        return max(outcomes, key=_WEIGHTS.index)

    async def confirm(
        self, order: Order, facts: Sequence[Fact], notification: NotificationRef
    ) -> NotificationOutcome:
        """Process the provider's response about an order. Facts that are still unproven are ignored."""
        elsewhere: Any = InvoicePaid | SubscriptionChanged
        if order.kind == "subscription":
            elsewhere |= Reversed
        outcomes = [
            await self._act_known(fact, notification)
            if isinstance(fact, elsewhere)
            else await self._act_on(fact, order_subject(order), notification)
            for fact in facts
            if not isinstance(fact, Unconfirmed | Waiting | Ignored)
        ]
        return max(outcomes, key=_WEIGHTS.index, default="ignored")

    async def _act(self, fact: Fact, notification: NotificationRef) -> NotificationOutcome:
        if isinstance(fact, Ignored):
            return await self._note(notification, "ignored", fact.why)
        if isinstance(fact, Waiting) and fact.subject.order_id is None:
            await self._link(fact, notification)
        outcome = await self._act_known(fact, notification)
        if isinstance(fact, InvoicePaid | Paid | Waiting):
            await self._take_up(fact, notification)
        return outcome

    async def _act_known(
        self, fact: SubjectFact, notification: NotificationRef
    ) -> NotificationOutcome:
        found = await self._subject(fact, notification)
        if isinstance(fact, Disputed | DisputeClosed):
            await self._save_dispute(fact, found, notification)
        if found is None:
            return await self._note(notification, "unknown", _unknown(fact))
        whose = (found.owner.provider, found.owner.environment)
        if whose != (notification.provider, notification.environment):
            return await self._refuse(found, notification)
        return await self._act_on(fact, found, notification)

    async def _subject(
        self, fact: SubjectFact, notification: NotificationRef
    ) -> FactSubject | None:
        if isinstance(fact, InvoicePaid | SubscriptionChanged):
            return await self._find(fact, (), notification)
        ids = await self._related(fact.subject.objects, notification)
        found = await self._find(fact, ids, notification)
        if not isinstance(fact, Reversed):
            return found
        if found is None:
            found = await self._find(
                fact, await self._learnt(fact, ids, notification), notification
            )
        if found is None or found.kind == "plan order":
            await self._save_unmatched(fact, None if found is None else found.order, notification)
        return found

    async def _find(
        self, fact: SubjectFact, ids: Sequence[str], notification: NotificationRef
    ) -> FactSubject | None:
        return await self._database.read(lambda tx: find_subject(tx, fact, ids, notification))

    async def _act_on(
        self, fact: SubjectFact, found: FactSubject, notification: NotificationRef
    ) -> NotificationOutcome:
        action = ACTIONS[found.kind][type(fact)]
        if isinstance(action, Note):
            return await self._note(notification, action.outcome, action.detail, found.order)
        if isinstance(action, Inquire):
            return await self._inquire(fact, found, notification)
        if isinstance(fact, InvoicePaid) and fact.is_listed:
            fact = await self._checkouts.with_sum(notification, fact)
        await self._save_breakdown(fact, notification)
        command = action(fact)(**found.names, notification=notification)
        return (await self._engine.submit(command)).outcome

    async def _save_breakdown(self, fact: SubjectFact, notification: NotificationRef) -> None:
        """Store tax and discounts before the payment is processed, because its receipt shows them."""
        if not isinstance(fact, Paid | InvoicePaid) or fact.breakdown is None:
            return
        payment_id = fact.payment_id if isinstance(fact, Paid) else fact.invoice_id
        now_us = self._clock.now_us()
        told = [((notification.provider, notification.environment, payment_id), fact.breakdown)]
        await self._database.transaction(lambda tx: breakdown.save(tx, told, now_us=now_us))

    async def _refuse(
        self, found: FactSubject, notification: NotificationRef
    ) -> NotificationOutcome:
        owner, order = found.owner, found.order
        what = "a subscription" if order is None else "an order"
        whose = f"{what} at {owner.provider} in {owner.environment}"
        teller = f"{notification.provider} in {notification.environment}"
        detail = f"{teller} speaks of {owner.id}, {whose}"
        problem = None if order is None else Problem("other_provider", detail, whose, teller)
        return await self._note(notification, "refused", detail, order, problem)

    async def _take_up(
        self, fact: InvoicePaid | Paid | Waiting, notification: NotificationRef
    ) -> None:
        ids = fact.subject.objects
        if isinstance(fact, InvoicePaid):
            ids = (fact.invoice_id, *ids)
        if isinstance(fact, Paid):
            ids = (fact.payment_id, *ids)
        known = await self._related(ids, notification)
        if not known:
            return
        for one in await self._database.read(lambda tx: waiting(tx, notification, known)):
            await self._act_known(one, notification)

    async def take_up_of(self, order: Order, event_id: str) -> None:
        notification = NotificationRef(
            order.provider, order.environment, event_id, "operator.approved"
        )
        ids = await self._database.read(lambda tx: subscription_rows.objects_of_order(tx, order.id))
        known = await self._related(
            [*ids, *([order.payment_id] if order.payment_id else [])], notification
        )
        for one in await self._database.read(lambda tx: waiting(tx, notification, known)):
            await self._act_known(one, notification)

    async def _related(self, ids: Sequence[str], notification: NotificationRef) -> tuple[str, ...]:
        return await self._database.read(lambda tx: related(tx, notification, ids))

    async def _learnt(
        self, fact: Reversed, ids: Sequence[str], notification: NotificationRef
    ) -> tuple[str, ...]:
        """Query the provider for the objects that these IDs belong to. Return the given and the found IDs.

        Stripe's refund of a renewal names only the payment. The event that links this payment to its invoice may be
        disabled.
        """
        now_us = self._clock.now_us()
        for pair in await self._checkouts.linked(notification, fact.subject.objects):
            await self._database.transaction(
                lambda tx, pair=pair: link(tx, notification, pair, now_us=now_us)  # type: ignore[misc]
            )
        return await self._related(ids, notification)

    async def _link(self, fact: Waiting, notification: NotificationRef) -> None:
        ids, now_us = fact.subject.objects, self._clock.now_us()
        if len(ids) > 1:
            await self._database.transaction(lambda tx: link(tx, notification, ids, now_us=now_us))

    async def _save_unmatched(
        self, fact: Reversed, order: Order | None, notification: NotificationRef
    ) -> None:
        owner, now_us = None if order is None else order.account_id, self._clock.now_us()
        await self._database.transaction(
            lambda tx: save_unmatched(tx, notification, fact, account_id=owner, now_us=now_us)
        )

    async def _save_dispute(
        self,
        fact: Disputed | DisputeClosed,
        found: FactSubject | None,
        notification: NotificationRef,
    ) -> None:
        owner: tuple[str | None, str | None] = (None, None)
        whose = (notification.provider, notification.environment)
        if found is not None and (found.owner.provider, found.owner.environment) == whose:
            one = found.owner
            order_id = one.id if isinstance(one, Order) else one.order_id
            owner = (one.account_id, order_id)
        now_us = self._clock.now_us()
        await self._database.transaction(
            lambda tx: disputes.save(tx, notification, fact, owner, now_us=now_us)
        )

    async def _inquire(
        self, fact: SubjectFact, found: FactSubject, notification: NotificationRef
    ) -> NotificationOutcome:
        order = found.order
        assert isinstance(fact, Unconfirmed), "the table asks about no other"
        assert order is not None, "and about orders alone"
        try:
            facts = await self._checkouts.inquire(order, fact.ref)
        except (ProviderUnavailable, ProviderRefused) as error:
            await self._note(notification, "ignored", f"not confirmed yet: {error.detail}", order)
            raise
        other = _contradiction(fact.claim, facts)
        if other is not None:
            return await self._note(notification, "review", other.sentence, order, other)
        outcome = await self.confirm(order, facts, notification)
        if outcome == "ignored":
            await self._note(notification, "ignored", _NOT_CONFIRMED, order)
        return outcome

    async def _note(
        self,
        notification: NotificationRef,
        outcome: NotificationOutcome,
        detail: str,
        order: Order | None = None,
        problem: Problem | None = None,
    ) -> NotificationOutcome:
        entry = LogEntry(
            notification,
            outcome,
            self._clock.now_us(),
            None if order is None else order.account_id,
            None if order is None else order.id,
            detail,
            problem=problem,
        )

        async def work(tx: Transaction) -> None:
            await event_log.record(tx, [entry])

        await self._database.transaction(work)
        return outcome


def _unknown(fact: SubjectFact) -> str:
    if isinstance(fact, InvoicePaid | SubscriptionChanged):
        return f"subscription {fact.subscription_ref}"
    return f"no order of ours: {fact.subject.order_id or ' '.join(fact.subject.objects)}"


def _contradiction(claim: Paid | None, answer: Sequence[Fact]) -> Problem | None:
    paid = next((one for one in answer if isinstance(one, Paid)), None)
    if claim is None or paid is None:
        return None
    said, answered = _in_words(claim), _in_words(paid)
    if claim.method is None or paid.method is None:
        said, answered = said[:2], answered[:2]
    if said == answered:
        return None
    sentence = f"{' '.join(said)} was reported, but the query returned {' '.join(answered)}"
    return Problem("contradiction", sentence, " ".join(answered), " ".join(said))


def _in_words(paid: Paid) -> tuple[str, ...]:
    return (
        f"payment {paid.payment_id}",
        in_words(paid.price),
        *([f"with {paid.method}"] if paid.method else []),
    )
