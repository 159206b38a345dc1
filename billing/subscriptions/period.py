"""Grant the credit for each paid subscription period once.

An invoice that doesn't match its subscription is held for an operator. The first invoice of an account's second plan is
held, too. Plan credit counts as purchased and pays debts first (contract, 5.3).
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any

from msgspec.structs import replace as with_fields

from billing.catalog.plan import PlanItem, item_by_ref
from billing.engine.batch_state import BatchState, ReadSet
from billing.ledger.ledger import LedgerAccountKind
from billing.ledger.money import BALANCE_MICROS_MAX
from billing.ledger.price import Price
from billing.orders.order import amend as amend_order
from billing.orders.records import PeriodClaim
from billing.orders.refund import Reversal, Reversed, returned_of
from billing.orders.reversal import dispute_of, publish_returned, reason_of, take_fact
from billing.orders.working_set import OrderWorkingSet
from billing.providers.event_log import NotificationOutcome, NotificationRef, Problem
from billing.providers.protocol import InvoiceLine
from billing.subscriptions.invoice import (
    Bill,
    PeriodGrant,
    PlanChange,
    Reckoned,
    Terms,
    begins_trial,
    carried_at,
    carried_before,
    correct,
    grant_of,
    reckon,
    trial_grant,
)
from billing.subscriptions.plan_credit import (
    bring_back_to,
    end_expired,
    give_part,
    give_period,
    kept_back_of,
    publish_lost,
)
from billing.subscriptions.plan_grant import PlanGrant, ungiven_of
from billing.subscriptions.records import ITSELF, HeldInvoice
from billing.subscriptions.subscription import Period, Subscription, amend, revive, second_plan
from billing.subscriptions.turn import turn
from billing.subscriptions.working_set import SubscriptionCommand, SubscriptionWorkingSet
from kernel.errors import LimitReached, NotFound
from kernel.ids import new_id


@dataclass(frozen=True, slots=True)
class Billed:
    subscription: Subscription
    outcome: NotificationOutcome
    detail: str = ""
    problem: Problem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OnSubscription(SubscriptionCommand, ABC):
    """A command that handles a report about a subscription. Reports from other providers are refused."""

    notification: NotificationRef

    def decide(self, state: BatchState) -> Billed:
        one = self._find(state)
        if self.notification.environment != one.environment:
            raise NotFound("Subscription")
        if self.notification.provider != one.provider:
            detail = f"{self.notification.provider} speaks of a subscription at {one.provider}"
            problem = Problem("other_provider", detail, one.provider, self.notification.provider)
            billed = Billed(one, "refused", detail, problem)
        else:
            billed = self.apply(state, one)
        became = (billed.outcome, billed.detail, state.now_us, billed.problem)
        state.working_set(SubscriptionWorkingSet).note(
            self.notification, (one.account_id, one.order_id), *became
        )
        return billed

    @abstractmethod
    def apply(self, state: BatchState, one: Subscription) -> Billed: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PayPeriod(OnSubscription):
    """Credit a paid period. The fields are the same as in InvoicePaid."""

    provider_ref: str
    invoice_id: str
    price: Price
    period_start_at: int
    period_end_at: int
    product_ref: str | None = None
    is_prorated: bool = False
    customer_ref: str | None = None
    objects: tuple[str, ...] = ()
    lines: tuple[InvoiceLine, ...] = ()
    is_change: bool = False
    is_listed: bool = False

    def declare(self, read_set: ReadSet) -> None:
        OnSubscription.declare(self, read_set)
        working_set = read_set.working_set(SubscriptionWorkingSet)
        working_set.catalogues.add(self.tenant.environment)
        working_set.taken.add(self.tenant)
        working_set.tried.add(self.tenant)
        working_set.claims.add(self._claim(self.provider_ref, ITSELF))
        for object_id in {self.invoice_id, *self.objects} - {self.provider_ref}:
            working_set.claims.add(self._claim(object_id, self.period_start_at))

    def apply(self, state: BatchState, one: Subscription) -> Billed:
        working_set = state.working_set(SubscriptionWorkingSet)
        known = [p for p in working_set.periods(one.id) if p.invoice_id == self.invoice_id]
        if known:
            return Billed(one, "repeated")
        is_trial = begins_trial(one, self._bill().lines, self.price)
        granted = (
            trial_grant(own_item(one), one, had_trial=working_set.had_trial(one.tenant))
            if is_trial
            else grant_of(self._bill(), self._terms(working_set, one))
        )
        if isinstance(granted, Problem):
            return self._held(working_set, one, granted, None, state.now_us)
        if granted.is_nothing:
            return Billed(one, "ignored", "its period costs nothing, so it grants nothing")
        reckoned = self._reckoned(working_set, one, granted)
        period = self._period(one, granted, reckoned.micros, state.now_us)
        problem = self._problem(working_set, one) or too_much(state, one, period.credits_micros)
        if problem is not None:
            return self._held(working_set, one, problem, granted.terms, state.now_us)
        detail = "" if period.credits_micros else "it grants nothing more than was granted"
        terms, interval = granted.terms.grant_terms, granted.terms.interval
        period = give_period(state, one, period, terms, interval)
        paid = self._paid(working_set, one, granted, state.now_of(one.tenant))
        if granted.prorated_amount is not None:
            before = carried_before(one)
            paid = amend(paid, carried_amount=reckoned.carried_amount, carried_before=before)
        if is_trial:
            paid = amend(paid, trial_ends_at=self.period_end_at)
        if reckoned.excess_micros:
            correct(state, one, reckoned.excess_micros)
            detail = f"told late: {reckoned.excess_micros} micros of later changes were taken back"
        working_set.save_period(period)
        turn(state, one, paid, period)
        working_set.save_customer(paid)
        return Billed(paid, "applied", detail)

    def _reckoned(
        self, working_set: SubscriptionWorkingSet, one: Subscription, granted: PeriodGrant
    ) -> Reckoned:
        whole, prorated = granted.whole_micros, granted.prorated_amount
        if prorated is None:
            return Reckoned(whole, 0, one.carried_amount)
        item = granted.terms
        change = PlanChange(self.period_start_at, prorated, item.price.amount, item.credits_micros)
        reckoned = reckon(one, working_set.periods(one.id), change)
        return reckoned._replace(micros=whole + reckoned.micros)

    def _bill(self) -> Bill:
        alone = InvoiceLine(self.product_ref, self.price.amount, 1, self.is_prorated)
        return Bill(self.lines or (alone,), self.price.currency, self.is_change)

    def _terms(self, working_set: SubscriptionWorkingSet, one: Subscription) -> Terms:
        plans = working_set.plans(one.environment)
        was_taken = any(period.amount == one.first_amount for period in working_set.periods(one.id))
        is_cheaper = one.first_amount < one.amount and not was_taken
        return Terms(
            own_item(one),
            lambda ref: item_by_ref(plans, one.provider, ref),
            one.first_amount if is_cheaper else None,
            carried_at(one, working_set.periods(one.id), self.period_start_at),
        )

    def _held(
        self,
        working_set: SubscriptionWorkingSet,
        one: Subscription,
        problem: Problem,
        terms: PlanItem | None,
        now_us: int,
    ) -> Billed:
        terms = terms or own_item(one)
        working_set.hold(
            HeldInvoice(
                provider=one.provider,
                environment=one.environment,
                invoice_id=self.invoice_id,
                account_id=one.account_id,
                subscription_id=one.id,
                provider_ref=self.provider_ref,
                customer_ref=self.customer_ref,
                product_ref=self.product_ref,
                period_start_at=self.period_start_at,
                period_end_at=self.period_end_at,
                amount=max(0, sum(line.amount for line in self._bill().lines)),
                paid_amount=self.price.amount,
                currency=self.price.currency,
                plan_id=terms.plan_id,
                price_amount=terms.price.amount,
                price_currency=terms.price.currency,
                credits_micros=terms.credits_micros,
                created_at=now_us,
            )
        )
        named = replace(problem, payment_ref=self.invoice_id)
        return Billed(one, "review", problem.sentence, named)

    def _problem(self, working_set: SubscriptionWorkingSet, one: Subscription) -> Problem | None:
        other = working_set.taken_beside(one)
        if one.status == "incomplete" and other is not None:
            return second_plan(other)
        came = f"invoice {self.invoice_id}"
        if self.is_listed and one.paid_until_at and self.product_ref != one.product_ref:
            sentence = f"{one.provider} does not say what was paid with {came}, for another plan"
            return Problem("invoice", sentence, "what was paid", came)
        if self.period_end_at <= self.period_start_at:
            return Problem("invoice", f"{came} is for no time", "a period", came)
        paid = working_set.period((one.id, self.period_start_at))
        if paid is not None:
            if paid.comp_reason is not None:
                sentence = f"{came} is for the period that was given free"
                return Problem("invoice", sentence, "no payment", came)
            sentence = f"{came} is for the period that {paid.invoice_id} paid"
            return Problem("invoice", sentence, f"{paid.invoice_id} alone", came)
        itself = working_set.owner_of(self._claim(self.provider_ref, ITSELF))
        if itself != (one.id, ITSELF) or one.provider_ref not in {None, self.provider_ref}:
            sentence = f"{self.provider_ref} is not the subscription that the order began"
            return Problem("invoice", sentence, one.provider_ref or one.id, self.provider_ref)
        owner = working_set.owner_of(self._claim(self.invoice_id, self.period_start_at))
        if owner is None or owner[0] != one.id:
            return Problem("invoice", f"{came} is another subscription's", one.id, came)
        return None

    def _period(
        self, one: Subscription, granted: PeriodGrant, credits_micros: int, now_us: int
    ) -> Period:
        item, is_change = granted.terms, granted.prorated_amount is not None
        return Period(
            subscription_id=one.id,
            period_start_at=self.period_start_at,
            id=new_id("per"),
            account_id=one.account_id,
            environment=one.environment,
            period_end_at=self.period_end_at,
            invoice_id=self.invoice_id,
            plan_id=item.plan_id,
            amount=self.price.amount,
            currency=self.price.currency,
            credits_micros=credits_micros,
            is_prorated=self.is_prorated,
            prorated_amount=granted.prorated_amount,
            plan_amount=item.price.amount if is_change else None,
            plan_micros=item.credits_micros if is_change else None,
            created_at=now_us,
        )

    def _paid(
        self,
        working_set: SubscriptionWorkingSet,
        one: Subscription,
        granted: PeriodGrant,
        now_us: int,
    ) -> Subscription:
        until_at = max(one.paid_until_at or 0, self.period_end_at)
        changes: dict[str, Any] = {
            "provider_ref": self.provider_ref,
            "customer_ref": self.customer_ref or one.customer_ref,
            "paid_until_at": until_at,
        }
        starts = [period.period_start_at for period in working_set.periods(one.id)]
        if granted.is_period and self.period_start_at > max(starts, default=0):
            changes |= _taken_over(one, granted.terms)
        paid = amend(one, **changes)
        if one.status == "paused":
            # The report that ended the pause may have been lost, so query the provider.
            return amend(paid, next_check_at=now_us)
        is_alive = one.status == "incomplete" or until_at > now_us
        return revive(paid, now_us=now_us) if is_alive else paid

    def _claim(self, object_id: str, period_start_at: int) -> PeriodClaim:
        return PeriodClaim(
            self.notification.provider,
            self.notification.environment,
            object_id,
            self.tenant.account_id,
            self.subscription_id,
            period_start_at,
        )


def _taken_over(one: Subscription, terms: PlanItem) -> dict[str, Any]:
    is_same = (terms.plan_id, terms.price) == (one.plan_id, one.price)
    is_reached = one.next_plan_id is None or one.chosen == (terms.plan_id, terms.interval)
    return {
        "plan_id": terms.plan_id,
        "plan_name": terms.name,
        "interval": terms.interval,
        "credits_micros": terms.credits_micros,
        "amount": terms.price.amount,
        "first_amount": one.first_amount if is_same else terms.price.amount,
        "product_ref": terms.product_ref,
        "grant_terms": terms.grant_terms,
        "currency": terms.price.currency,
        "next_plan_id": None if is_reached else one.next_plan_id,
        "next_interval": None if is_reached else one.next_interval,
        "next_amount": None if is_reached else one.next_amount,
    }


def own_item(one: Subscription) -> PlanItem:
    return PlanItem(
        one.plan_id,
        one.interval,
        one.price,
        one.plan_name,
        one.credits_micros,
        one.product_ref,
        grant_terms=one.grant_terms,
    )


def too_much(state: BatchState, one: Subscription, credits_micros: int) -> Problem | None:
    sold = state.ledger.account(one.tenant, LedgerAccountKind.PROVIDER, one.provider).balance_micros
    held = state.ledger.balance_micros(one.tenant, state.now_us)
    if max(sold, held) + credits_micros <= BALANCE_MICROS_MAX:
        return None
    sentence = "the account cannot hold so much credit"
    return Problem("too_much", sentence, "a smaller sum", f"{credits_micros} micros")


class CannotHold(LimitReached):
    pass


@dataclass(frozen=True, slots=True)
class GiveParts(SubscriptionCommand):
    """Grant the parts that are due, even if they are late. Parts that start after the subscription's end are
    dropped.
    """

    def decide(self, state: BatchState) -> int:
        working_set = state.working_set(SubscriptionWorkingSet)
        one = self._find(state)
        now_us, given = state.now_of(self.tenant), 0
        for part in working_set.plan_grants.of_subscription(one.id):
            if part.due_at is not None and part.due_at <= now_us:
                given += self._give(state, one, part)
        return given

    def _give(self, state: BatchState, one: Subscription, part: PlanGrant) -> bool:
        working_set = state.working_set(SubscriptionWorkingSet)
        micros = 0
        if one.ended_at is None or part.starts_at < one.ended_at:
            period = next(p for p in working_set.periods(one.id) if p.id == part.period_id)
            parts = working_set.plan_grants.of_period(period.id)
            kept_back = kept_back_of(period, parts, period.refunded_amount)
            micros = min(part.credits_micros, ungiven_of(parts) - kept_back)
        if micros <= 0:
            working_set.plan_grants.save(with_fields(part, due_at=None))
            publish_lost(state, one)
            return False
        problem = too_much(state, one, micros)
        if problem is not None:
            raise CannotHold(problem.sentence)
        give_part(state, one, part, micros)
        return True


@dataclass(frozen=True, slots=True)
class EndParts(SubscriptionCommand):
    def decide(self, state: BatchState) -> int:
        one = self._find(state)
        expired = state.ledger.account(self.tenant, LedgerAccountKind.EXPIRED)
        before_micros = expired.balance_micros
        found = end_expired(state, one)
        left_micros = state.ledger.balance_micros(self.tenant, state.now_us)
        gone_micros = expired.balance_micros - before_micros
        state.watches.record_drop(self.tenant, left_micros + gone_micros, left_micros)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class ReversePeriod(OnSubscription):
    order_id: str
    period_start_at: int
    fact: Reversed

    def declare(self, read_set: ReadSet) -> None:
        OnSubscription.declare(self, read_set)
        read_set.working_set(OrderWorkingSet).ids.add(self.order_id)

    def apply(self, state: BatchState, one: Subscription) -> Billed:
        working_set = state.working_set(SubscriptionWorkingSet)
        period = working_set.period((one.id, self.period_start_at))
        if period is None:
            return Billed(one, "ignored", "its payment was not credited")
        taken = take_fact(state, working_set, period.id, period.tenant, period.payment, self.fact)
        if taken.problem is not None:
            return Billed(one, "review", taken.problem.sentence, taken.problem)
        if taken.changed is not None or taken.ours is not None:
            why = reason_of(self.fact, taken.ours)
            apply_reversals(state, one, period, why, dispute_of(self.fact, taken.changed))
        return Billed(one, taken.outcome)


def apply_reversals(
    state: BatchState,
    one: Subscription,
    period: Period,
    reason: str,
    dispute: Reversal | None = None,
) -> None:
    working_set = state.working_set(SubscriptionWorkingSet)
    reversals = working_set.reversals.of(period.id)
    after = bring_back_to(state, one, period, returned_of(reversals, period.amount))
    if after != period:
        _note(state, one, after)
    if after != period or dispute is not None:
        order = state.working_set(OrderWorkingSet).find(one.order_id, one.tenant)
        amount = after.refunded_amount - period.refunded_amount
        publish_returned(state, order, amount, reason, dispute)


def _note(state: BatchState, one: Subscription, after: Period) -> None:
    working_set = state.working_set(SubscriptionWorkingSet)
    working_set.save_period(after)
    orders = state.working_set(OrderWorkingSet)
    order = orders.find(one.order_id, one.tenant)
    gone = [p for p in working_set.periods(one.id) if p.currency == order.payment.currency]
    orders.change(amend_order(order, refunded_amount=sum(each.refunded_amount for each in gone)))
