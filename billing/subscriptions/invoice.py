"""Compute how much credit a paid invoice's lines grant. The table is in gateway/docs/text/plans.md.

After a change of plan, the value of unused time is carried over and grants no credit. Otherwise, switching plans back
and forth would create credit without end.

Every report recomputes all changes and takes back excess credit, because changes may be reported in any order.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from msgspec.structs import replace as with_fields

from billing.catalog.plan import PlanItem
from billing.engine.batch_state import BatchState
from billing.ledger.price import Price
from billing.providers.event_log import Problem, other_price
from billing.providers.protocol import InvoiceLine
from billing.subscriptions.plan_credit import bring_back_to
from billing.subscriptions.plan_grant import ungiven_of
from billing.subscriptions.subscription import Period, Subscription
from billing.subscriptions.working_set import SubscriptionWorkingSet

Find = Callable[[str], PlanItem | None]


@dataclass(frozen=True, slots=True)
class Bill:
    lines: Sequence[InvoiceLine]
    currency: str
    is_change: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    own: PlanItem
    find: Find
    first_amount: int | None = None
    carried_amount: int = 0


@dataclass(frozen=True, slots=True)
class PeriodGrant:
    """What a paid invoice grants. A change of plan has a `prorated_amount`, which is negative if money was returned."""

    terms: PlanItem
    whole_micros: int
    prorated_amount: int | None = None
    is_period: bool = True
    is_nothing: bool = False


def grant_of(bill: Bill, terms: Terms) -> PeriodGrant | Problem:
    planned = _planned(bill.lines, terms)
    if not planned:
        named = ", ".join(sorted({line.product_ref or "a line" for line in bill.lines}))
        sentence = f"{named or 'nothing'} is no plan of ours"
        return Problem("invoice", sentence, terms.own.name or terms.own.plan_id, named)
    full = [(line, item) for line, item in planned if not line.is_prorated]
    parts = [(line, item) for line, item in planned if line.is_prorated]
    amount = sum(line.amount for line, _ in planned)
    main = _main(full or parts)
    if bill.currency != main.price.currency:
        return other_price(Price(max(0, amount), bill.currency), main.price)
    if full and all(line.amount == 0 for line, _ in full) and not parts:
        return PeriodGrant(main, 0, is_period=False, is_nothing=True)
    whole_micros = 0
    for line, item in full:
        units = _units(line, item, terms)
        if units is None:
            paid = Price(max(0, line.amount), bill.currency)
            return other_price(paid, Price(item.price.amount * line.quantity, main.price.currency))
        whole_micros += item.credits_micros * units
    prorated = sum(line.amount for line, _ in parts)
    is_change = bill.is_change and bool(parts or terms.carried_amount)
    if full and is_change:
        # The invoice pays for a new period, partly with the unused time of an older one.
        prorated, whole_micros = amount, 0
    if not parts and not is_change:
        return PeriodGrant(main, whole_micros)
    return PeriodGrant(main, whole_micros, prorated, is_period=bool(full) or prorated > 0)


def _planned(lines: Sequence[InvoiceLine], terms: Terms) -> list[tuple[InvoiceLine, PlanItem]]:
    found = [(line, item) for line in lines if (item := _item(line, terms, len(lines))) is not None]
    own = terms.own
    if found or own.product_ref is not None:
        return found
    # The provider was given an amount and created its own price for it.
    price = own.price.amount
    alike = [one for one in lines if one.amount in {price * one.quantity, terms.first_amount}]
    refs = {one.product_ref for one in lines}
    chosen = alike[0].product_ref if alike else next(iter(refs)) if len(refs) == 1 else None
    return [(line, own) for line in lines if chosen is not None and line.product_ref == chosen]


def _item(line: InvoiceLine, terms: Terms, count: int) -> PlanItem | None:
    if line.product_ref is None:
        return terms.own if count == 1 else None
    if line.product_ref == terms.own.product_ref:
        return terms.own
    return terms.find(line.product_ref)


def _main(planned: Sequence[tuple[InvoiceLine, PlanItem]]) -> PlanItem:
    return max(planned, key=lambda pair: pair[0].amount)[1]


def _units(line: InvoiceLine, item: PlanItem, terms: Terms) -> int | None:
    if line.amount == 0:
        return 0
    if line.amount == item.price.amount * line.quantity:
        return line.quantity
    is_first = item.plan_id == terms.own.plan_id and line.amount == terms.first_amount
    return 1 if is_first else None


def begins_trial(one: Subscription, lines: Sequence[InvoiceLine], price: Price) -> bool:
    """Return whether the invoice starts a trial, even if our own plan has none.

    An invoice covered by a coupon or balance doesn't start a trial, because its lines aren't free.
    """
    is_first = one.status == "incomplete" and one.paid_until_at is None
    return is_first and price.amount == 0 and all(line.amount == 0 for line in lines)


def trial_grant(own: PlanItem, one: Subscription, *, had_trial: bool) -> PeriodGrant:
    """Grant the trial's credit only once. A customer with several checkouts may start several trials at the provider."""
    return PeriodGrant(own, 0 if had_trial else one.trial_micros)


class PlanChange(NamedTuple):
    """A change of plan. `prorated_amount` is the cost of the remaining time minus the value of the unused time."""

    at: int
    prorated_amount: int
    plan_amount: int
    plan_micros: int


class ChangeResult(NamedTuple):
    micros: int
    carried_amount: int


class Reckoned(NamedTuple):
    """The credit for a change. `excess_micros` is the excess credit that later changes received."""

    micros: int
    excess_micros: int
    carried_amount: int


def all_grant(changes: Iterable[PlanChange], carried_amount: int) -> ChangeResult:
    """Add up the credit for all changes. Each change grants its share of its plan's credit, rounded down."""
    micros = 0
    for change in sorted(changes):
        left = change.prorated_amount - carried_amount
        micros += change.plan_micros * max(0, left) // change.plan_amount
        carried_amount = max(0, -left)
    return ChangeResult(micros, carried_amount)


def carried_at(one: Subscription, periods: Sequence[Period], at_us: int) -> int:
    before = [change for change in changes_of(periods) if change.at < at_us]
    return all_grant(before, carried_before(one)).carried_amount


def reckon(one: Subscription, periods: Sequence[Period], new: PlanChange) -> Reckoned:
    known, base = changes_of(periods), carried_before(one)
    before, after = all_grant(known, base), all_grant([*known, new], base)
    more = after.micros - before.micros
    # Add the difference instead of replacing carried_amount, which may include a change whose period wasn't reported.
    carried = one.carried_amount + after.carried_amount - before.carried_amount
    return Reckoned(max(0, more), max(0, -more), max(0, carried))


def carried_before(one: Subscription) -> int:
    return one.carried_amount if one.carried_before is None else one.carried_before


def correct(state: BatchState, one: Subscription, excess_micros: int) -> None:
    """Take back excess credit, starting with the last change. If the wallet holds too little, the account owes the
    rest.
    """
    working_set = state.working_set(SubscriptionWorkingSet)
    changes = [p for p in working_set.periods(one.id) if p.prorated_amount is not None]
    left = excess_micros
    for period in sorted(changes, key=lambda each: -each.period_start_at):
        parts = working_set.plan_grants.of_period(period.id)
        room = period.credits_micros + ungiven_of(parts) - period.corrected_micros
        micros = min(left, room)
        if micros:
            corrected = with_fields(period, corrected_micros=period.corrected_micros + micros)
            working_set.save_period(bring_back_to(state, one, corrected, corrected.refunded_amount))
            left -= micros
    assert left == 0, "no change was given more than all of them"


def changes_of(periods: Iterable[Period]) -> list[PlanChange]:
    return [
        PlanChange(
            period.period_start_at, period.prorated_amount, period.plan_amount, period.plan_micros
        )
        for period in periods
        if period.prorated_amount is not None
        and period.plan_amount is not None
        and period.plan_micros is not None
    ]
