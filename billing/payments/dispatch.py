"""What each fact calls for, by its subject: one table.

A command, a note in the operator's log, or a call to the provider. Combinations in no row can't occur.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol, get_args

from billing.engine.engine import Command
from billing.orders.refund import Reversed
from billing.orders.reversal import ReverseOrder
from billing.orders.settlement import EndUnpaid, SettlePaid
from billing.payments.fact_subjects import SubjectKind
from billing.providers.event_log import NotificationOutcome
from billing.providers.protocol import (
    Expired,
    Failed,
    InvoicePaid,
    Paid,
    SubscriptionChanged,
    Unconfirmed,
    Waiting,
)
from billing.subscriptions.checkout_payment import SettlePaidPlan
from billing.subscriptions.lifecycle import ChangeSubscription
from billing.subscriptions.manual.uncredited import ReverseUncredited
from billing.subscriptions.period import PayPeriod
from billing.subscriptions.reversal import ReversePeriod


class Decided(Protocol):
    @property
    def outcome(self) -> NotificationOutcome: ...


Make = Callable[..., Command[Decided]]
Build = Callable[[Any], Make]


@dataclass(frozen=True, slots=True)
class Note:
    """Nothing changes; the log says why."""

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


def _reversed_order(fact: Reversed) -> Make:
    return partial(ReverseOrder, fact=fact)


def _reversed_uncredited(fact: Reversed) -> Make:
    return partial(ReverseUncredited, fact=fact)


def _reversed_period(fact: Reversed) -> Make:
    return partial(ReversePeriod, fact=fact)


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
        **dict.fromkeys(_REVERSED, _reversed_order),
    },
    "uncredited payment": dict.fromkeys(_REVERSED, _reversed_uncredited),
    # From before such payments had rows.
    "second payment": dict.fromkeys(
        _REVERSED, Note("ignored", "it is of a second payment, which credited nothing")
    ),
    # It credited nothing itself, and the period that did isn't known yet.
    "plan order": {
        **_UNPAID,
        Paid: _paid_plan,
        **dict.fromkeys(_REVERSED, Note("ignored", "it waits for its payment")),
    },
    "subscription": {InvoicePaid: _invoice, SubscriptionChanged: _subscription},
    "period": dict.fromkeys(_REVERSED, _reversed_period),
}
