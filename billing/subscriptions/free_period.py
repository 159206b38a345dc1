"""Grant periods that an operator approved or gave for free, once for each subscription and start time.

The first approval sets the price and credit of renewals. A later one applies only to its own period. If a payment for a
free period arrives, it waits for an operator.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from billing.catalog.plan import MONTHS
from billing.engine.batch_state import AuditEntries, BatchState, ReadSet
from billing.ledger.ledger import InsufficientBalance
from billing.ledger.money import MICROS_PER_CENT, micros_to_cents
from billing.orders.order import Order
from billing.orders.records import PeriodClaim
from billing.subscriptions.period import too_much
from billing.subscriptions.plan_credit import (
    bring_back_to,
    give_period,
    given_back_of,
    left_of,
    sold_of,
)
from billing.subscriptions.records import HeldInvoice
from billing.subscriptions.subscription import Period, Subscription, add_months, amend, revive
from billing.subscriptions.turn import turn
from billing.subscriptions.working_set import SubscriptionCommand, SubscriptionWorkingSet
from kernel.clock import SECOND_US, rfc3339
from kernel.errors import DomainError, InvalidInput, NotFound
from kernel.ids import new_id
from kernel.storable import storable
from keys import audit_log
from keys.audit_log import Actor

COMP_REASON_CHARACTERS_MAX = 200


class CompRefused(DomainError):
    pass


class CompRepeated(DomainError):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class _OnComp(SubscriptionCommand):
    reason: str
    actor: Actor
    by_name: str | None = None

    def declare(self, read_set: ReadSet) -> None:
        SubscriptionCommand.declare(self, read_set)
        read_set.working_set(AuditEntries)

    def _record(self, state: BatchState, one: Subscription, period: Period, what: str) -> None:
        entry = audit_log.entry(
            self.actor,
            f"subscription.{what}",
            environment=one.environment,
            account_id=one.account_id,
            subject_id=one.id,
            before={
                "paid_until": None if one.paid_until_at is None else rfc3339(one.paid_until_at)
            },
            after={
                "period_id": period.id,
                "from": rfc3339(period.period_start_at),
                "until": rfc3339(period.period_end_at),
                "credits_micros": period.credits_micros - period.reversed_micros,
                "by": self.by_name,
            },
            reason=self.reason,
            now_us=state.now_us,
        )
        state.working_set(AuditEntries).add(entry)


@dataclass(frozen=True, slots=True, kw_only=True)
class GivePeriod(_OnComp):
    period_start_at: int | None = None

    def decide(self, state: BatchState) -> Period:
        working_set = state.working_set(SubscriptionWorkingSet)
        one = self._find(state)
        start_at, end_at = self._times(state, one)
        problem = too_much(state, one, one.credits_micros)
        if problem is not None:
            raise InvalidInput(problem.sentence, param="subscription_id")
        placed = _placed(state, one, start_at, end_at)
        period = Period(
            **placed,
            invoice_id=placed["id"],
            plan_id=one.plan_id,
            amount=0,
            currency=one.currency,
            credits_micros=one.credits_micros,
            comp_reason=storable(self.reason, characters_max=COMP_REASON_CHARACTERS_MAX),
            comp_by=self.by_name or self.actor.name,
        )
        period = give_period(state, one, period, one.grant_terms, one.interval)
        given = amend(one, paid_until_at=max(one.paid_until_at or 0, end_at))
        given = revive(given, now_us=state.now_of(one.tenant))
        working_set.save_period(period)
        turn(state, one, given, period)
        self._record(state, one, period, "period_given")
        return period

    def _times(self, state: BatchState, one: Subscription) -> tuple[int, int]:
        paid_until = one.paid_until_at
        if paid_until is None or one.status == "cancelled":
            words = "was never paid for" if paid_until is None else "has ended"
            raise CompRefused(
                f"The plan {words}, so there is no period to grant.",
                extra={"subscription_id": one.id},
            )
        now_us = state.now_of(one.tenant)
        start_at = self.period_start_at
        if start_at is None:
            if now_us < paid_until:
                raise CompRepeated(
                    f"The plan is paid until {rfc3339(paid_until)}. To grant the period after that, set "
                    "`period_start` to that time.",
                    extra={"subscription_id": one.id, "paid_until": rfc3339(paid_until)},
                )
            start_at = next_start(one, now_us)
        periods = state.working_set(SubscriptionWorkingSet).periods(one.id)
        known = next((each for each in periods if _is_same(each.period_start_at, start_at)), None)
        if known is not None:
            words = "given free" if known.comp_reason is not None else "paid"
            raise CompRepeated(
                f"The period from {rfc3339(start_at)} was already {words}.",
                extra={"subscription_id": one.id, "period_id": known.id},
            )
        expected = next_start(one, now_us)
        if not _is_same(start_at, expected):
            raise InvalidInput(
                f"The next period begins at {rfc3339(expected)}.", param="period_start"
            )
        return expected, add_months(expected, MONTHS[one.interval])


@dataclass(frozen=True, slots=True, kw_only=True)
class TakePeriodBack(_OnComp):
    period_id: str
    allow_owed: bool = False

    def decide(self, state: BatchState) -> Period:
        working_set = state.working_set(SubscriptionWorkingSet)
        one = self._find(state)
        periods = working_set.periods(one.id)
        period = next((each for each in periods if each.id == self.period_id), None)
        if period is None or period.comp_reason is None:
            raise NotFound("Free period", param="period_id")
        if period.comp_ended_at is not None:
            raise CompRepeated(
                "The period's credit was already removed.", extra={"period_id": period.id}
            )
        weighed = replace(period, amount=1)
        if not self.allow_owed:
            _check_credit(state, one, weighed)
        gone = bring_back_to(state, one, weighed, 1)
        ended = replace(gone, amount=0, refunded_amount=0, comp_ended_at=state.now_us)
        working_set.save_period(ended)
        if one.paid_until_at == period.period_end_at:
            turn(state, one, amend(one, paid_until_at=_paid_until(periods, but_id=period.id)))
        self._record(state, one, ended, "period_taken_back")
        return ended


def next_start(one: Subscription, now_us: int) -> int:
    assert one.paid_until_at is not None, "it was paid once"
    if now_us < add_months(one.paid_until_at, MONTHS[one.interval]):
        return one.paid_until_at
    return now_us - now_us % SECOND_US


def _paid_until(periods: Sequence[Period], *, but_id: str) -> int:
    return max(
        one.period_end_at for one in periods if one.id != but_id and one.comp_ended_at is None
    )


def can_be_given(one: Subscription) -> bool:
    return one.paid_until_at is not None and one.status != "cancelled"


def _is_same(one_us: int, other_us: int) -> bool:
    return one_us // SECOND_US == other_us // SECOND_US


def _check_credit(state: BatchState, one: Subscription, weighed: Period) -> None:
    parts = state.working_set(SubscriptionWorkingSet).plan_grants.of_period(weighed.id)
    sold = sold_of(one, weighed)
    due = given_back_of(weighed, parts, 1) if parts else weighed.credits_micros
    available = sold.available_micros(state) + left_of(state, one, parts)
    if available < due:
        raise InsufficientBalance(
            "The account has already spent this credit. Set `allow_owed` to let the account "
            "owe it.",
            extra={
                "needed_cents": -(-due // MICROS_PER_CENT),
                "available_cents": micros_to_cents(available),
            },
        )


def approve_held(state: BatchState, one: Subscription, held: HeldInvoice, micros: int) -> None:
    working_set = state.working_set(SubscriptionWorkingSet)
    start_at, end_at = held.period_start_at, held.period_end_at
    if end_at <= start_at:
        start_at, end_at = _next_month(state, one)
    known = working_set.period((one.id, start_at))
    if known is not None and known.comp_ended_at is not None:
        # The row of a revoked free period stays, so the next period must start at another moment.
        start_at += SECOND_US
        known = working_set.period((one.id, start_at))
    if known is not None:
        raise InvalidInput(
            "The period is already credited. Reject the invoice, and refund it.", param="order_id"
        )
    period = Period(
        **_placed(state, one, start_at, end_at),
        invoice_id=held.invoice_id,
        plan_id=held.plan_id,
        amount=held.paid_amount,
        currency=held.currency,
        credits_micros=micros,
    )
    changed = amend(
        one,
        provider_ref=one.provider_ref or held.provider_ref,
        customer_ref=held.customer_ref or one.customer_ref,
    )
    if _is_first(working_set, one):
        changed = _with_terms(changed, held.amount, held.currency, micros)
    _credit(state, one, changed, period)
    working_set.resolve(held)


def approve_order(state: BatchState, one: Subscription, order: Order, micros: int) -> None:
    """Grant the period of an approved order. The period has the payment's ID, so a later invoice changes nothing."""
    start_at, end_at = _next_month(state, one)
    payment = order.payment
    period = Period(
        **_placed(state, one, start_at, end_at),
        invoice_id=order.payment_id or order.id,
        plan_id=one.plan_id,
        amount=payment.amount,
        currency=payment.currency,
        credits_micros=micros,
    )
    changed = amend(one, customer_ref=order.customer_ref or one.customer_ref)
    if _is_first(state.working_set(SubscriptionWorkingSet), one):
        changed = _with_terms(changed, payment.amount, payment.currency, micros)
    _credit(state, one, changed, period)


def _placed(state: BatchState, one: Subscription, start_at: int, end_at: int) -> dict[str, Any]:
    return {
        "id": new_id("per"),
        "subscription_id": one.id,
        "account_id": one.account_id,
        "environment": one.environment,
        "period_start_at": start_at,
        "period_end_at": end_at,
        "created_at": state.now_us,
    }


def _is_first(working_set: SubscriptionWorkingSet, one: Subscription) -> bool:
    return not any(period.amount for period in working_set.periods(one.id))


def _next_month(state: BatchState, one: Subscription) -> tuple[int, int]:
    now_us = state.now_of(one.tenant)
    start_at = now_us - now_us % SECOND_US
    return start_at, add_months(start_at, MONTHS[one.interval])


def _with_terms(one: Subscription, amount: int, currency: str, micros: int) -> Subscription:
    if amount <= 0:
        return one
    return amend(one, amount=amount, first_amount=amount, currency=currency, credits_micros=micros)


def _credit(state: BatchState, before: Subscription, one: Subscription, period: Period) -> None:
    working_set = state.working_set(SubscriptionWorkingSet)
    problem = too_much(state, one, period.credits_micros)
    if problem is not None:
        raise InvalidInput(problem.sentence, param="amount")
    period = give_period(state, one, period, one.grant_terms, one.interval)
    paid = amend(one, paid_until_at=max(one.paid_until_at or 0, period.period_end_at))
    paid = revive(paid, now_us=state.now_of(one.tenant))
    place = (one.provider, one.environment, period.invoice_id)
    working_set.own(PeriodClaim(*place, one.account_id, one.id, period.period_start_at))
    working_set.save_period(period)
    turn(state, before, paid, period)
    working_set.save_customer(paid)
