"""Refunds and disputes of a subscription's payments: the period's credit is taken back, or given back.

Promise: as for orders (billing/orders/reversal.py): what was reversed is always the credit's share of what
is gone of the payment, rounded up, whatever the order of the facts and however often; the wallet pays
what it has, and the rest becomes the account's debt.
"""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Literal

from msgspec.structs import replace

from billing.engine.batch_state import BatchState
from billing.ledger.ledger import Code, Kind
from billing.ledger.price import Price
from billing.orders import gone
from billing.orders.reversal import other_currency
from billing.providers.problem import Problem
from billing.subscriptions.period import Billed, OnSubscription
from billing.subscriptions.records import PeriodReversal
from billing.subscriptions.subscription import Period, Subscription, due_micros
from billing.subscriptions.working_set import SubscriptionWorkingSet

Change = tuple[Problem | None, PeriodReversal | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _OnPeriod(OnSubscription):
    """A fact about the payment of one period; key is the provider's id of the refund or dispute."""

    period_start_at: int
    key: str

    def apply(self, state: BatchState, one: Subscription) -> Billed:
        working_set = state.working_set(SubscriptionWorkingSet)
        period = working_set.period((one.id, self.period_start_at))
        if period is None:
            return Billed(one, "ignored", "its payment was not credited")
        known = working_set.reversal(period.id, self.key)
        problem, changed = self.change(known, period, state.now_us)
        if problem is not None:
            return Billed(one, "review", problem.sentence, problem)
        if changed is None:
            return Billed(one, "repeated" if known is not None else "ignored")
        working_set.keep_reversal(changed)
        _settle(state, one, period)
        return Billed(one, "applied")

    @abstractmethod
    def change(self, known: PeriodReversal | None, period: Period, now_us: int) -> Change:
        """Why a person must look at it, and the row as it is from now on; None: unchanged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReversePeriod(_OnPeriod):
    """Money of a period went back, or a bank took it back; price is the whole so far."""

    kind: gone.Kind
    price: Price

    def change(self, known: PeriodReversal | None, period: Period, now_us: int) -> Change:
        if self.price.currency != period.currency:
            return other_currency(self.kind, self.key, self.price, period.payment), None
        amount = min(self.price.amount, period.amount)
        if amount <= 0 or (known is not None and known.amount >= amount):
            return None, None
        status: Literal["open", "done"] = "open" if self.kind == "dispute" else "done"
        if known is None:
            known = PeriodReversal(
                period.id, self.key, *period.scope, self.kind, amount, status, now_us
            )
        # Notifications overtake each other: an older, smaller sum changes nothing.
        return None, replace(known, amount=amount)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailPeriodRefund(_OnPeriod):
    """A refund did not reach the customer and its money is ours again; kind as in `ReversePeriod`."""

    kind: gone.Kind
    price: Price

    def change(self, known: PeriodReversal | None, period: Period, now_us: int) -> Change:
        if self.price.currency != period.currency:
            return other_currency("failed refund", self.key, self.price, period.payment), None
        if known is not None and known.status == "failed":
            return None, None
        amount = min(self.price.amount, period.amount)
        found = known or PeriodReversal(
            period.id, self.key, *period.scope, self.kind, amount, "done", now_us
        )
        return None, replace(found, status="failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosePeriodDispute(_OnPeriod):
    """A dispute of a period's payment ended; a won one gives the credit back."""

    is_won: bool

    def change(self, known: PeriodReversal | None, period: Period, now_us: int) -> Change:
        if known is not None and known.status != "open":
            return None, None
        # Told before the dispute itself: the row says how that one ended.
        found = known or PeriodReversal(
            period.id, self.key, *period.scope, "dispute", 0, "open", now_us
        )
        return None, replace(found, status="won" if self.is_won else "lost")


def _settle(state: BatchState, one: Subscription, period: Period) -> None:
    """The period's credit brought to what is gone of its payment."""
    working_set = state.working_set(SubscriptionWorkingSet)
    told = working_set.reversals(period.id)
    gone_amount = gone.gone_of(told, period.amount)
    due = due_micros(period, gone_amount)
    if due > period.reversed_micros:
        _take_back(state, one, period, due - period.reversed_micros)
    elif due < period.reversed_micros:
        _give_back(state, one, period, period.reversed_micros - due)
    working_set.keep_period(replace(period, refunded_amount=gone_amount, reversed_micros=due))


def _take_back(state: BatchState, one: Subscription, period: Period, micros: int) -> None:
    ledger, scope = state.ledger, one.scope
    before_micros = ledger.balance_micros(scope, state.now_us)
    provider = ledger.account(scope, Kind.PROVIDER, one.provider)
    wallet = ledger.standing(scope).wallet
    by_wallet = min(micros, wallet.balance_micros)
    code = Code.PURCHASE_REVERSAL
    for source, part in (
        (ledger.standing(scope).owed, micros - by_wallet),
        (wallet, by_wallet),
    ):
        if part:
            state.move(source, provider, part, code, subject_id=period.id)
    state.note_fall(scope, before_micros)


def _give_back(state: BatchState, one: Subscription, period: Period, micros: int) -> None:
    ledger, scope = state.ledger, one.scope
    provider = ledger.account(scope, Kind.PROVIDER, one.provider)
    owed = ledger.standing(scope).owed
    to_owed = min(micros, owed.balance_micros)
    code = Code.REVERSAL_UNDONE
    for target, part in ((owed, to_owed), (ledger.standing(scope).wallet, micros - to_owed)):
        if part:
            state.move(provider, target, part, code, subject_id=period.id)
