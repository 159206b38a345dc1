"""Take back a period's credit as its payment is returned, and give it back, part by part.

Without parts the wallet pays what it has, and the rest is owed.

With parts: never more than the returned share, and never more than was given. First ungiven parts are
withheld; then the parts' accounts pay, newest first; expired credit counts as taken; then rollover in later
periods, nearest first; then the wallet, and the rest is owed. The last taken returns first.
"""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from billing.engine.batch_state import BatchState
from billing.ledger.ledger import Code, LedgerAccount, LedgerAccountKind
from billing.orders.refund import share_of
from billing.orders.sold_credit import SoldCredit, brought
from billing.subscriptions.plan_credit import end_expired
from billing.subscriptions.plan_grant import PlanGrant, ungiven_of
from billing.subscriptions.subscription import Period, Subscription, due_micros
from billing.subscriptions.working_set import SubscriptionWorkingSet


def bring_back_to(
    state: BatchState, one: Subscription, period: Period, returned_amount: int
) -> Period:
    """Return the period after that much of its payment was returned. The caller stores it."""
    working_set = state.working_set(SubscriptionWorkingSet)
    if working_set.plan_grants.of_period(period.id):
        # Its credit is in the plan's own grants: nothing of it was in the wallet, nor is held.
        return _bring_parts_back(state, one, period, returned_amount)
    due = due_micros(period, returned_amount)
    to_come = working_set.refunds.to_come(period.id, working_set.reversals.of(period.id))
    wanted = due_micros(period, returned_amount + to_come) - due
    brought(state, sold_of(one, period), working_set.refunds, due, wanted)
    return replace(period, refunded_amount=returned_amount, reversed_micros=due)


def sold_of(one: Subscription, period: Period) -> SoldCredit:
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
    """Return how much given credit to take back for that much of the payment."""
    parts = list(parts)
    return _due(period, parts, returned_amount) - kept_back_of(period, parts, returned_amount)


def left_of(state: BatchState, one: Subscription, parts: Iterable[PlanGrant]) -> int:
    accounts = [
        state.ledger.account(one.tenant, LedgerAccountKind.GRANT, part.id)
        for part in parts
        if part.is_apart and part.granted_micros
    ]
    return sum(account.balance_micros for account in accounts)


def kept_back_of(period: Period, parts: Iterable[PlanGrant], returned_amount: int) -> int:
    parts = list(parts)
    return min(_due(period, parts, returned_amount), ungiven_of(parts))


def schedule(state: BatchState, period: Period, kept_back: int) -> None:
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
    right_micros = period.credits_micros + ungiven_of(parts) - period.corrected_micros
    return period.corrected_micros + share_of(right_micros, returned_amount, period.amount)


def _take_back(state: BatchState, one: Subscription, period: Period, micros: int) -> None:
    ledger = state.ledger
    grants = state.working_set(SubscriptionWorkingSet).plan_grants
    parts = list(reversed(grants.of_period(period.id)))
    left = micros - _out_of(state, one, period, parts, micros)
    # Later periods have this one's rollover: the nearest, or what rolled on from there.
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
    """Return whether these parts' rest may have rolled over into that part."""
    if each.kind != "rollover":
        return False
    if each.subscription_id == period.subscription_id:
        return each.starts_at > period.period_start_at
    # A plan that was bought again: it was paid for later.
    return (each.granted_at or 0) >= min((part.granted_at or 0 for part in parts), default=0)


def _out_of(
    state: BatchState,
    one: Subscription,
    period: Period,
    parts: Sequence[PlanGrant],
    micros: int,
) -> int:
    """Take up to so much from the parts' accounts, then count their expired credit; return how much."""
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
    """Return the credit to where it was taken, after paying debts."""
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
