"""Find the subject of a provider's report, and the command to run. One table contains all combinations.

A refund of a plan's payment concerns the period that was paid, because a plan's order gives no credit.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal, Protocol, get_args

from billing.engine.engine import Command
from billing.orders import records as order_list
from billing.orders.order import Order
from billing.orders.refund import Reversed
from billing.orders.reversal import ReverseOrder
from billing.orders.settlement import EndUnpaid, SettlePaid
from billing.orders.uncredited_payment import find_told
from billing.providers.event_log import NotificationOutcome, NotificationRef
from billing.providers.protocol import (
    Expired,
    Failed,
    InvoicePaid,
    Paid,
    Refunded,
    RefundFailed,
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
from store.database import Transaction

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


async def find(
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
    # Older orders have second payments without a row.
    "second payment": dict.fromkeys(
        _REVERSED, Note("ignored", "it is of a second payment, which credited nothing")
    ),
    # The order gives no credit, and the period that does isn't known yet.
    "plan order": {
        **_UNPAID,
        Paid: _paid_plan,
        **dict.fromkeys(_REVERSED, Note("ignored", "it waits for its payment")),
    },
    "subscription": {InvoicePaid: _invoice, SubscriptionChanged: _subscription},
    "period": dict.fromkeys(_REVERSED, _reversal(ReversePeriod)),
}
