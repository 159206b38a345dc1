"""A period of a subscription is paid: its credit is given, once for each subscription and start.

Promise: whatever is told, repeated, reordered or decided in parallel, a period is credited once, only
for its own provider's invoice, and only for the price of its plan: all of the plan's credit, or of a
prorated invoice the share that was paid. What does not fit is credited by nobody and waits for a
person. Plan credit is purchased credit, and pays debts first. Source: contract, 5.3.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from billing.books import Books
from billing.ledger import Code, Kind, Scope
from billing.needs import Needs
from billing.placement import BALANCE_MICROS_MAX
from billing.plan import PlanItem, item_by_ref
from billing.price import Price
from billing.provider_event import Outcome, Told
from billing.subscription import Period, Subscription, amend, may_move, move, share_micros
from billing.subscription_rows import ITSELF, PeriodClaim
from billing.subscription_shelf import SubscriptionShelf
from kernel.errors import NotFound
from kernel.ids import new_id
from store.idempotency import Answer


@dataclass(frozen=True, slots=True)
class Billed:
    """What became of a fact: the subscription after it; detail is for the operator."""

    subscription: Subscription
    outcome: Outcome
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnSubscription(ABC):
    """What every command on one subscription shares; another provider's word is refused."""

    subscription_id: str
    scope: Scope
    told: Told
    answer: Callable[[Billed], Answer]
    request_key: None = None

    def declare(self, needs: Needs) -> None:
        needs.scopes.add(self.scope)
        needs.shelf(SubscriptionShelf).ids.add(self.subscription_id)

    def decide(self, books: Books) -> Billed:
        """Raises NotFound, also for a subscription of another environment than the notification's."""
        shelf = books.shelf(SubscriptionShelf)
        one = shelf.find(self.subscription_id, self.scope)
        if self.told.environment != one.environment:
            raise NotFound("Subscription")
        if self.told.provider != one.provider:
            detail = f"{self.told.provider} speaks of a subscription at {one.provider}"
            billed = Billed(one, "refused", detail)
        else:
            billed = self.apply(books, one)
        shelf.note(self.told, billed.subscription, billed.outcome, billed.detail, books.now_us)
        return billed

    @abstractmethod
    def apply(self, books: Books, one: Subscription) -> Billed:
        """What the fact changes."""

    def render(self, result: Billed) -> Answer:
        return self.answer(result)


@dataclass(frozen=True, slots=True, kw_only=True)
class PayPeriod(OnSubscription):
    """A period's invoice was paid. objects: what else the provider may call the payment by.

    provider_ref is the provider's id of the subscription. Times in microseconds.
    """

    provider_ref: str
    invoice_id: str
    price: Price
    period_start_at: int
    period_end_at: int
    product_ref: str | None = None
    is_prorated: bool = False
    customer_ref: str | None = None
    objects: tuple[str, ...] = ()

    def declare(self, needs: Needs) -> None:
        OnSubscription.declare(self, needs)
        shelf = needs.shelf(SubscriptionShelf)
        shelf.catalogues.add(self.scope[1])
        shelf.claims.add(self._claim(self.provider_ref, ITSELF))
        for object_id in {self.invoice_id, *self.objects} - {self.provider_ref}:
            shelf.claims.add(self._claim(object_id, self.period_start_at))

    def apply(self, books: Books, one: Subscription) -> Billed:
        shelf = books.shelf(SubscriptionShelf)
        known = [p for p in shelf.periods(one.id) if p.invoice_id == self.invoice_id]
        if known:
            return Billed(one, "repeated")
        terms = self._terms(shelf, one)
        credits_micros = self._credits_micros(shelf, one, terms)
        problem = self._problem(shelf, one) or _too_much(books, one, credits_micros)
        if terms is None or credits_micros is None or problem is not None:
            return Billed(one, "review", problem or self._mismatch(terms))
        period = self._period(one, terms, credits_micros, books.now_us)
        if credits_micros:
            source = books.ledger.account(one.scope, Kind.PROVIDER, one.provider)
            code = Code.SUBSCRIPTION
            books.credit(one.scope, source, credits_micros, code, subject_id=period.id)
        paid = self._paid(shelf, one, terms, books.now_of(one.scope))
        shelf.keep_period(period)
        shelf.change(paid)
        shelf.keep_customer(paid)
        return Billed(paid, "applied")

    def _terms(self, shelf: SubscriptionShelf, one: Subscription) -> PlanItem | None:
        """What was paid for: the subscription's own terms, or the plan that it changed to."""
        own_ref = one.product_ref
        if self.product_ref not in {None, own_ref}:
            assert self.product_ref is not None
            plans = shelf.plans(one.environment)
            changed = item_by_ref(plans, one.provider, self.product_ref)
            if changed is not None or own_ref is not None:
                return changed
            # The provider made a price of its own where it was told the amount.
            own_ref = self.product_ref
        return PlanItem(
            one.plan_id, one.interval, one.price, one.plan_name, one.credits_micros, own_ref
        )

    def _credits_micros(
        self, shelf: SubscriptionShelf, one: Subscription, terms: PlanItem | None
    ) -> int | None:
        """None where the amount is not what the plan costs."""
        if terms is None or self.price.currency != terms.price.currency:
            return None
        is_own = terms.plan_id == one.plan_id
        if self.price == terms.price or (is_own and self._is_first_with_coupon(shelf, one)):
            return terms.credits_micros
        if self.is_prorated:
            return share_micros(terms.credits_micros, self.price, terms.price)
        return None

    def _is_first_with_coupon(self, shelf: SubscriptionShelf, one: Subscription) -> bool:
        was_taken = any(p.amount == one.first_amount for p in shelf.periods(one.id))
        return self.price.amount == one.first_amount < one.amount and not was_taken

    def _problem(self, shelf: SubscriptionShelf, one: Subscription) -> str | None:
        """Why this invoice pays for no period of this subscription."""
        if self.period_end_at <= self.period_start_at:
            return f"invoice {self.invoice_id} is for no time"
        paid = shelf.period((one.id, self.period_start_at))
        if paid is not None:
            return f"invoice {self.invoice_id} is for the period that {paid.invoice_id} paid"
        itself = shelf.owner_of(self._claim(self.provider_ref, ITSELF))
        if itself != (one.id, ITSELF) or one.provider_ref not in {None, self.provider_ref}:
            return f"{self.provider_ref} is not the subscription that the order began"
        owner = shelf.owner_of(self._claim(self.invoice_id, self.period_start_at))
        if owner is None or owner[0] != one.id:
            return f"invoice {self.invoice_id} is another subscription's"
        return None

    def _mismatch(self, terms: PlanItem | None) -> str:
        if terms is None:
            return f"{self.product_ref} is no plan of ours"
        told = f"{self.price.decimal()} {self.price.currency}"
        return f"{told} was paid, not {terms.price.decimal()} {terms.price.currency}"

    def _period(
        self, one: Subscription, terms: PlanItem, credits_micros: int, now_us: int
    ) -> Period:
        return Period(
            subscription_id=one.id,
            period_start_at=self.period_start_at,
            id=new_id("per"),
            account_id=one.account_id,
            environment=one.environment,
            period_end_at=self.period_end_at,
            invoice_id=self.invoice_id,
            plan_id=terms.plan_id,
            amount=self.price.amount,
            currency=self.price.currency,
            credits_micros=credits_micros,
            is_prorated=self.is_prorated,
            created_at=now_us,
        )

    def _paid(
        self, shelf: SubscriptionShelf, one: Subscription, terms: PlanItem, now_us: int
    ) -> Subscription:
        """The subscription after it: the newest period's plan counts, and it lives while paid."""
        until_at = max(one.paid_until_at or 0, self.period_end_at)
        changes: dict[str, Any] = {
            "provider_ref": self.provider_ref,
            "customer_ref": self.customer_ref or one.customer_ref,
            "paid_until_at": until_at,
        }
        starts = [period.period_start_at for period in shelf.periods(one.id)]
        if self.period_start_at > max(starts, default=0):
            changes |= _taken_over(one, terms)
        paid = amend(one, **changes)
        is_alive = one.status == "incomplete" or until_at > now_us
        return move(paid, "active", now_us=now_us) if _revives(one, is_alive=is_alive) else paid

    def _claim(self, object_id: str, period_start_at: int) -> PeriodClaim:
        return PeriodClaim(
            self.told.provider,
            self.told.environment,
            object_id,
            self.scope[0],
            self.subscription_id,
            period_start_at,
        )


def _revives(one: Subscription, *, is_alive: bool) -> bool:
    return is_alive and may_move(one, "active")


def _taken_over(one: Subscription, terms: PlanItem) -> dict[str, Any]:
    """The terms of the plan that was paid for; the first period's price stays where it was."""
    is_same = (terms.plan_id, terms.price) == (one.plan_id, one.price)
    is_reached = one.next_plan_id in {None, terms.plan_id}
    return {
        "plan_id": terms.plan_id,
        "plan_name": terms.name,
        "interval": terms.interval,
        "credits_micros": terms.credits_micros,
        "amount": terms.price.amount,
        "first_amount": one.first_amount if is_same else terms.price.amount,
        "product_ref": terms.product_ref,
        "next_plan_id": None if is_reached else one.next_plan_id,
    }


def _too_much(books: Books, one: Subscription, credits_micros: int | None) -> str | None:
    """What the ledger cannot hold is not credited."""
    sold = books.ledger.account(one.scope, Kind.PROVIDER, one.provider).balance_micros
    held = books.ledger.balance_micros(one.scope, books.now_us)
    is_within = max(sold, held) + (credits_micros or 0) <= BALANCE_MICROS_MAX
    return None if is_within else "the account cannot hold so much credit"
