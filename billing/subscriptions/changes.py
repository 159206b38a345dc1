"""What the changes of a subscription's plan grant together, whatever the order in which they are told.

A change that gives back unused time leaves its worth in the customer's balance; a later one that this pays
for grants so much less. By time, that is, and not by what was told first: all that is known is reckoned
anew, and what later changes were given too much comes back. Pure but for `correct`, which moves credit.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from billing.engine.batch_state import BatchState
from billing.subscriptions.plan_credit_back import bring_back_to
from billing.subscriptions.plan_grant import ungiven_of
from billing.subscriptions.subscription import Period, Subscription
from billing.subscriptions.working_set import SubscriptionWorkingSet


class PlanChange(NamedTuple):
    """One change that was paid for, by its time in microseconds.

    prorated_amount: what remaining time cost less what unused time was worth; below 0: given back.
    plan_amount, plan_micros: what a period of its plan costs and grants.
    """

    at: int
    prorated_amount: int
    plan_amount: int
    plan_micros: int


class ChangeResult(NamedTuple):
    """What changes grant in all, and what of what was given back nothing has used."""

    micros: int
    carried_amount: int


class Reckoned(NamedTuple):
    """What one more change brings about.

    micros: what it grants now. excess_micros: what later changes were given too much, as is known
    since it. carried_amount: of the subscription, once it counts.
    """

    micros: int
    excess_micros: int
    carried_amount: int


def all_grant(changes: Iterable[PlanChange], carried_amount: int) -> ChangeResult:
    """One after the other by time; each grants the share of its plan's credit that it cost, rounded down."""
    micros = 0
    for change in sorted(changes):
        left = change.prorated_amount - carried_amount
        micros += change.plan_micros * max(0, left) // change.plan_amount
        carried_amount = max(0, -left)
    return ChangeResult(micros, carried_amount)


def carried_at(one: Subscription, periods: Sequence[Period], at_us: int) -> int:
    """What changes before that time gave back and nothing had used then."""
    before = [change for change in changes_of(periods) if change.at < at_us]
    return all_grant(before, carried_before(one)).carried_amount


def reckon(one: Subscription, periods: Sequence[Period], new: PlanChange) -> Reckoned:
    """What the new change grants, beside those that the periods tell of."""
    known, base = changes_of(periods), carried_before(one)
    before, after = all_grant(known, base), all_grant([*known, new], base)
    more = after.micros - before.micros
    # carried_amount may count a change that its period does not tell of.
    carried = one.carried_amount + after.carried_amount - before.carried_amount
    return Reckoned(max(0, more), max(0, -more), max(0, carried))


def carried_before(one: Subscription) -> int:
    """What was carried when the first change came that its periods tell of."""
    return one.carried_amount if one.carried_before is None else one.carried_before


def correct(state: BatchState, one: Subscription, excess_micros: int) -> None:
    """Takes back what changes were given too much, of the last one first; what the wallet lacks is owed."""
    working_set = state.working_set(SubscriptionWorkingSet)
    changes = [p for p in working_set.periods(one.id) if p.prorated_amount is not None]
    left = excess_micros
    for period in sorted(changes, key=lambda each: -each.period_start_at):
        parts = working_set.plan_grants.of_period(period.id)
        room = period.credits_micros + ungiven_of(parts) - period.corrected_micros
        micros = min(left, room)
        if micros:
            corrected = replace(period, corrected_micros=period.corrected_micros + micros)
            working_set.keep_period(bring_back_to(state, one, corrected, corrected.refunded_amount))
            left -= micros
    assert left == 0, "no change was given more than all of them"


def changes_of(periods: Iterable[Period]) -> list[PlanChange]:
    """Return the changes that these periods tell of."""
    return [
        PlanChange(
            period.period_start_at, period.prorated_amount, period.plan_amount, period.plan_micros
        )
        for period in periods
        if period.prorated_amount is not None
        and period.plan_amount is not None
        and period.plan_micros is not None
    ]
