"""A period's credit taken back as its payment goes, and given back as that returns, part by part.

Credit without parts was given to the wallet: that pays what it has, and the rest is owed.

Promise, of parts: in all, never more is taken than the share of what was paid that is gone, and never more than
was given. First parts that were not given yet are kept back; then credit is taken out of the parts'
own ledger accounts, the newest first; what of them expired counts as taken, since nobody has it any more;
then what went on into later periods, also of the plan bought again, the nearest first, likewise; then the
wallet pays, and what it lacks is owed. The last that was taken comes back first.
"""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from billing.engine.batch_state import BatchState
from billing.ledger.ledger import Code, LedgerAccount, LedgerAccountKind
from billing.orders.refund import share_of
from billing.orders.refund_hold import brought
from billing.orders.sold_credit import SoldCredit
from billing.subscriptions.plan_credit import end_expired
from billing.subscriptions.plan_grant import PlanGrant, ungiven_of
from billing.subscriptions.subscription import Period, Subscription, due_micros
from billing.subscriptions.working_set import SubscriptionWorkingSet


def bring_back_to(
    state: BatchState, one: Subscription, period: Period, returned_amount: int
) -> Period:
    """The period once so much of its payment is gone; the caller keeps it."""
    working_set = state.working_set(SubscriptionWorkingSet)
    if working_set.plan_grants.of_period(period.id):
        # Its credit lies in grants of the plan's own: nothing of it was in the wallet, nor is held.
        return _bring_parts_back(state, one, period, returned_amount)
    due = due_micros(period, returned_amount)
    to_come = working_set.refunds.to_come(period.id, working_set.reversals.of(period.id))
    wanted = due_micros(period, returned_amount + to_come) - due
    brought(state, sold_of(one, period), working_set.refunds, due, wanted)
    return replace(period, refunded_amount=returned_amount, reversed_micros=due)


def sold_of(one: Subscription, period: Period) -> SoldCredit:
    """What the period gave, and what of it was taken back."""
    return SoldCredit(
        id=period.id,
        tenant=one.tenant,
        provider=one.provider,
        credits_micros=period.credits_micros,
        reversed_micros=period.reversed_micros,
    )


def _bring_parts_back(
    state: BatchState, one: Subscription, period: Period, returned_amount: int
) -> Period:
    """The period once that much of its payment is gone; it has parts."""
    end_expired(state, one)
    grants = state.working_set(SubscriptionWorkingSet).plan_grants
    parts = grants.of_period(period.id)
    kept_back = kept_back_of(period, parts, returned_amount)
    due = _due(period, parts, returned_amount) - kept_back
    if due > period.reversed_micros:
        before = state.ledger.balance_micros(one.tenant, state.now_us)
        _take_back(state, one, period, due - period.reversed_micros)
        state.record_drop(one.tenant, before, calls_for_recharge=False)
    elif due < period.reversed_micros:
        _give_back(state, one, period, period.reversed_micros - due)
    schedule(state, period, kept_back)
    return replace(period, refunded_amount=returned_amount, reversed_micros=due)


def given_back_of(period: Period, parts: Iterable[PlanGrant], returned_amount: int) -> int:
    """How much of what was given is to be taken back, with that much of the payment gone."""
    parts = list(parts)
    return _due(period, parts, returned_amount) - kept_back_of(period, parts, returned_amount)


def left_of(state: BatchState, one: Subscription, parts: Iterable[PlanGrant]) -> int:
    """What of the parts' credit nobody has used."""
    accounts = [
        state.ledger.account(one.tenant, LedgerAccountKind.GRANT, part.id)
        for part in parts
        if part.is_apart and part.granted_micros
    ]
    return sum(account.balance_micros for account in accounts)


def kept_back_of(period: Period, parts: Iterable[PlanGrant], returned_amount: int) -> int:
    """How much of what is not given yet never will be, with that much of the payment gone."""
    parts = list(parts)
    return min(_due(period, parts, returned_amount), ungiven_of(parts))


def schedule(state: BatchState, period: Period, kept_back: int) -> None:
    """The last parts are the ones that are kept back."""
    grants = state.working_set(SubscriptionWorkingSet).plan_grants
    parts = grants.of_period(period.id)
    room = ungiven_of(parts) - kept_back
    for part in parts:
        if part.ungiven_micros:
            due_at = part.starts_at if room > 0 else None
            room -= part.ungiven_micros
            if due_at != part.due_at:
                grants.keep(replace(part, due_at=due_at))


def _due(period: Period, parts: Iterable[PlanGrant], returned_amount: int) -> int:
    """Of all that the period grants, given or not."""
    right_micros = period.credits_micros + ungiven_of(parts) - period.corrected_micros
    return period.corrected_micros + share_of(right_micros, returned_amount, period.amount)


def _take_back(state: BatchState, one: Subscription, period: Period, micros: int) -> None:
    ledger = state.ledger
    grants = state.working_set(SubscriptionWorkingSet).plan_grants
    parts = list(reversed(grants.of_period(period.id)))
    left = micros - _out_of(state, one, period, parts, micros)
    # Later periods have what went on out of this one: in the nearest, or what of that went on further.
    reach = min(left, sum(part.rolled_micros for part in parts))
    for each in grants.of_plan(one.tenant, period.plan_id):
        if _may_have_gone_to(each, period, parts):
            taken = _out_of(state, one, period, [each], reach)
            left, reach = left - taken, reach - taken
    wallet, owed = ledger.wallet(one.tenant), ledger.owed(one.tenant)
    by_wallet = min(left, wallet.balance_micros)
    for source, amount in ((wallet, by_wallet), (owed, left - by_wallet)):
        _reverse(state, one, period, source, amount)


def _may_have_gone_to(each: PlanGrant, period: Period, parts: Sequence[PlanGrant]) -> bool:
    """Whether what was left of these parts of the period may have gone on into that part."""
    if each.kind != "rollover":
        return False
    if each.subscription_id == period.subscription_id:
        return each.starts_at > period.period_start_at
    # Of a plan that was bought again: whatever days that is for, it was paid for later.
    return (each.granted_at or 0) >= min((part.granted_at or 0 for part in parts), default=0)


def _out_of(
    state: BatchState,
    one: Subscription,
    period: Period,
    parts: Sequence[PlanGrant],
    micros: int,
) -> int:
    """Takes up to so much out of the parts' accounts, then of what expired of them; returns how much."""
    ledger = state.ledger
    grants = state.working_set(SubscriptionWorkingSet).plan_grants
    expired = ledger.account(one.tenant, LedgerAccountKind.EXPIRED)
    left, reached = micros, [part for part in parts if part.is_apart and part.granted_micros]
    for part in reached:
        account = ledger.account(one.tenant, LedgerAccountKind.GRANT, part.id)
        taken = min(left, account.balance_micros)
        if taken:
            _reverse(state, one, period, account, taken)
            grants.keep(replace(part, reversed_micros=part.reversed_micros + taken))
            left -= taken
    for each in reached:
        part = grants.find(each.id) or each
        taken = min(left, part.expired_micros)
        if taken:
            _reverse(state, one, period, expired, taken)
            grants.keep(
                replace(
                    part,
                    expired_micros=part.expired_micros - taken,
                    reversed_expired_micros=part.reversed_expired_micros + taken,
                )
            )
            left -= taken
    return micros - left


def _give_back(state: BatchState, one: Subscription, period: Period, micros: int) -> None:
    ledger = state.ledger
    grants = state.working_set(SubscriptionWorkingSet).plan_grants
    parts = grants.of_period(period.id)
    of_parts = sum(part.reversed_micros + part.reversed_expired_micros for part in parts)
    left = micros
    elsewhere = min(left, period.reversed_micros - of_parts)
    _undo(state, one, period, ledger.wallet(one.tenant), elsewhere)
    left -= elsewhere
    expired = ledger.account(one.tenant, LedgerAccountKind.EXPIRED)
    for part in parts:
        back = min(left, part.reversed_expired_micros)
        if back:
            _move_back(state, one, period, expired, back)
            grants.keep(
                replace(
                    part,
                    expired_micros=part.expired_micros + back,
                    reversed_expired_micros=part.reversed_expired_micros - back,
                )
            )
            left -= back
    for each in parts:
        part = grants.find(each.id) or each
        back = min(left, part.reversed_micros)
        if back:
            account = ledger.account(one.tenant, LedgerAccountKind.GRANT, part.id)
            _undo(state, one, period, account, back)
            grants.keep(replace(part, reversed_micros=part.reversed_micros - back))
            left -= back
    assert left == 0, "what was taken is known"


def _undo(
    state: BatchState, one: Subscription, period: Period, target: LedgerAccount, micros: int
) -> None:
    """Back to where it was taken; what is owed is paid before."""
    owed = state.ledger.owed(one.tenant)
    to_owed = min(micros, owed.balance_micros)
    _move_back(state, one, period, owed, to_owed)
    _move_back(state, one, period, target, micros - to_owed)


def _move_back(
    state: BatchState, one: Subscription, period: Period, target: LedgerAccount, micros: int
) -> None:
    if micros:
        source = state.ledger.account(one.tenant, LedgerAccountKind.PROVIDER, one.provider)
        state.move(source, target, micros, Code.REVERSAL_UNDONE, subject_id=period.id)


def _reverse(
    state: BatchState, one: Subscription, period: Period, source: LedgerAccount, micros: int
) -> None:
    if micros:
        provider = state.ledger.account(one.tenant, LedgerAccountKind.PROVIDER, one.provider)
        state.move(source, provider, micros, Code.PURCHASE_REVERSAL, subject_id=period.id)
