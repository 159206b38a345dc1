"""What the changes of a subscription's plan grant together, in any order of reports.

Unused time that a change gives back stays in the customer's balance; a later change that this pays for grants
that much less. Everything known is computed again, by time, and what later changes were given too much is
taken back.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from msgspec.structs import replace as with_fields

from billing.engine.batch_state import BatchState
from billing.subscriptions.plan_credit_back import bring_back_to
from billing.subscriptions.plan_grant import ungiven_of
from billing.subscriptions.subscription import Period, Subscription
from billing.subscriptions.working_set import SubscriptionWorkingSet


class PlanChange(NamedTuple):
    """prorated_amount: remaining time's cost less unused time's worth; below 0: given back. plan_*: of a
    period.
    """

    at: int
    prorated_amount: int
    plan_amount: int
    plan_micros: int


class ChangeResult(NamedTuple):
    micros: int
    carried_amount: int


class Reckoned(NamedTuple):
    """micros: what one more change grants. excess_micros: what later ones had too much. carried_amount: the
    subscription's, after it.
    """

    micros: int
    excess_micros: int
    carried_amount: int


def all_grant(changes: Iterable[PlanChange], carried_amount: int) -> ChangeResult:
    """Sum by time; each grants its share of its plan's credit, rounded down."""
    micros = 0
    for change in sorted(changes):
        left = change.prorated_amount - carried_amount
        micros += change.plan_micros * max(0, left) // change.plan_amount
        carried_amount = max(0, -left)
    return ChangeResult(micros, carried_amount)


def carried_at(one: Subscription, periods: Sequence[Period], at_us: int) -> int:
    """Return what earlier changes gave back and nothing had used then."""
    before = [change for change in changes_of(periods) if change.at < at_us]
    return all_grant(before, carried_before(one)).carried_amount


def reckon(one: Subscription, periods: Sequence[Period], new: PlanChange) -> Reckoned:
    known, base = changes_of(periods), carried_before(one)
    before, after = all_grant(known, base), all_grant([*known, new], base)
    more = after.micros - before.micros
    # carried_amount may count a change that its period doesn't report.
    carried = one.carried_amount + after.carried_amount - before.carried_amount
    return Reckoned(max(0, more), max(0, -more), max(0, carried))


def carried_before(one: Subscription) -> int:
    """Return what was carried when the first change came that its periods report."""
    return one.carried_amount if one.carried_before is None else one.carried_before


def correct(state: BatchState, one: Subscription, excess_micros: int) -> None:
    """Take back what changes were given too much, last one first; the account owes what the wallet lacks."""
    working_set = state.working_set(SubscriptionWorkingSet)
    changes = [p for p in working_set.periods(one.id) if p.prorated_amount is not None]
    left = excess_micros
    for period in sorted(changes, key=lambda each: -each.period_start_at):
        parts = working_set.plan_grants.of_period(period.id)
        room = period.credits_micros + ungiven_of(parts) - period.corrected_micros
        micros = min(left, room)
        if micros:
            corrected = with_fields(period, corrected_micros=period.corrected_micros + micros)
            working_set.keep_period(bring_back_to(state, one, corrected, corrected.refunded_amount))
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
