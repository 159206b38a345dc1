"""A period's credit by its plan's terms: in parts, with an end, and with or without rollover.

Each part is given once, under its account's lock; ended credit is unspendable at once; rollover never exceeds
what was left or the plan's limit. credit.expired reports a loss once, when it is certain. Endless credit
given at once goes to the wallet, without parts.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from billing.catalog.grant_terms import NEVER, PERIOD_END, GrantTerms, days_of
from billing.credits.grant import EndOfCredit, tell_expired
from billing.engine.batch_state import BatchState
from billing.ledger.ledger import Code, LedgerAccountKind
from billing.ledger.money import MICROS_PER_CREDIT
from billing.providers.protocol import Interval
from billing.subscriptions.plan_grant import PlanGrant
from billing.subscriptions.subscription import LIVING, Period, Subscription, add_months
from billing.subscriptions.working_set import SubscriptionWorkingSet
from kernel.clock import DAY_US
from kernel.ids import new_id

# A shorter month at the end of a period is no month of its own.
_LEAST_PART_US = 14 * DAY_US
# A provider's next period may begin a little late.
_GAP_US = DAY_US


def give_period(
    state: BatchState, one: Subscription, period: Period, terms: GrantTerms, interval: Interval
) -> Period:
    """Credit a new period; return it with what it has given. one: the subscription before the payment.
    credits_micros is all that the period grants.
    """
    if not period.credits_micros:
        return period
    times = _times(period, terms, interval)
    if terms.credit_expires == NEVER and len(times) == 1:
        source = state.ledger.account(one.tenant, LedgerAccountKind.PROVIDER, one.provider)
        code = Code.SUBSCRIPTION
        state.credit(one.tenant, source, period.credits_micros, code, subject_id=period.id)
        return period
    parts = _parts(state, period, terms, times)
    grants = state.working_set(SubscriptionWorkingSet).plan_grants
    for part in parts[1:]:
        grants.keep(part)
    end_expired(state, one)
    first = _to_give(state, parts[0])
    if period.period_end_at > (one.paid_until_at or 0):
        _go_on(state, one, first, terms)
    _give(state, one, first)
    return replace(period, credits_micros=first.granted_micros)


def give_part(state: BatchState, one: Subscription, part: PlanGrant, micros: int) -> None:
    """Give a due part, or as much as possible; the rest waits as a part."""
    working_set = state.working_set(SubscriptionWorkingSet)
    if micros < part.credits_micros:
        rest = replace(
            part, id=new_id("pgr"), credits_micros=part.credits_micros - micros, due_at=None
        )
        working_set.plan_grants.keep(rest)
        part = replace(part, credits_micros=micros)
    end_expired(state, one)
    given = _to_give(state, part)
    _roll_over(state, one, given, one.grant_terms)
    _give(state, one, given)
    period = next(p for p in working_set.periods(one.id) if p.id == part.period_id)
    working_set.keep_period(
        replace(period, credits_micros=period.credits_micros + given.granted_micros)
    )


def end_expired(state: BatchState, one: Subscription) -> int:
    grants = state.working_set(SubscriptionWorkingSet).plan_grants
    found = 0
    for account in state.ledger.expired_grants(one.tenant, state.now_us):
        part = grants.find(account.name)
        if part is not None and part.subscription_id == one.id:
            micros = _end(state, part)
            kept = min(micros, room_after(state, one, part))
            ended = grants.find(part.id)
            assert ended is not None, "it was just kept"
            grants.keep(replace(ended, unreported_micros=kept))
            _tell_lost(state, part, micros - kept)
            found += 1
    return found


def tell_lost(state: BatchState, subscription_id: str) -> None:
    grants = state.working_set(SubscriptionWorkingSet).plan_grants
    for part in grants.of_subscription(subscription_id):
        if part.unreported_micros:
            grants.keep(replace(part, unreported_micros=0))
            # A refund may have taken some of it back.
            _tell_lost(state, part, min(part.unreported_micros, part.expired_micros))


def room_after(state: BatchState, one: Subscription, part: PlanGrant) -> int:
    most = one.grant_terms.rollover_max_credits
    grants = state.working_set(SubscriptionWorkingSet).plan_grants
    siblings = grants.of_subscription(one.id)
    ends_at = part.expires_at
    if most is None or ends_at is None or part.plan_id != one.plan_id:
        return 0
    is_given_next = any(
        each.due_at is not None and each.starts_at - _GAP_US <= ends_at for each in siblings
    )
    is_renewed = one.status in LIVING and not one.is_ending
    is_same_plan = one.next_plan_id in {None, one.plan_id}
    if not (is_given_next or (is_renewed and is_same_plan)):
        return 0
    taken = sum(
        each.unreported_micros
        for each in siblings
        if each.expires_at is not None and abs(each.expires_at - ends_at) <= _GAP_US
    )
    return max(0, most * MICROS_PER_CREDIT - taken)


def goes_on(state: BatchState, one: Subscription, part: PlanGrant) -> int:
    """Return how much would roll over if nothing of the part were spent."""
    assert part.expires_at is not None, "it ends"
    alive = state.ledger.grants(one.tenant, state.now_us)
    left = {account.name: account.balance_micros for account in alive}
    room = room_after(state, one, part)
    for each in state.working_set(SubscriptionWorkingSet).plan_grants.of_subscription(one.id):
        if each.id == part.id:
            return min(room, left.get(part.id, 0))
        is_same = each.plan_id == part.plan_id and each.expires_at is not None
        if is_same and abs((each.expires_at or 0) - part.expires_at) <= _GAP_US:
            room -= min(room, left.get(each.id, 0))
    return 0


def end_of(part: PlanGrant) -> EndOfCredit:
    assert part.expires_at is not None, "it ends"
    return EndOfCredit(
        id=part.id,
        expires_at=part.expires_at,
        plan_id=part.plan_id,
        subscription_id=part.subscription_id,
    )


def _tell_lost(state: BatchState, part: PlanGrant, micros: int) -> None:
    if micros:
        tell_expired(state, part.tenant, end_of(part), micros)


def _end(state: BatchState, part: PlanGrant) -> int:
    account = state.ledger.account(part.tenant, LedgerAccountKind.GRANT, part.id)
    micros = account.balance_micros
    expired = state.ledger.account(part.tenant, LedgerAccountKind.EXPIRED)
    state.move(account, expired, micros, Code.EXPIRY, subject_id=part.id)
    grants = state.working_set(SubscriptionWorkingSet).plan_grants
    grants.keep(replace(part, expired_micros=part.expired_micros + micros))
    return micros


def _times(period: Period, terms: GrantTerms, interval: Interval) -> list[tuple[int, int]]:
    start, end = period.period_start_at, period.period_end_at
    starts = [start]
    if terms.grants == "monthly" and interval == "year":
        while (at := add_months(start, len(starts))) + _LEAST_PART_US <= end:
            starts.append(at)
    return list(zip(starts, [*starts[1:], end], strict=True))


def _parts(
    state: BatchState, period: Period, terms: GrantTerms, times: Sequence[tuple[int, int]]
) -> list[PlanGrant]:
    total, count = period.credits_micros, len(times)
    return [
        PlanGrant(
            id=new_id("pgr"),
            account_id=period.account_id,
            environment=period.environment,
            subscription_id=period.subscription_id,
            period_id=period.id,
            plan_id=period.plan_id,
            expires=terms.credit_expires,
            starts_at=start,
            ends_at=end,
            due_at=start if number else None,
            credits_micros=total * (number + 1) // count - total * number // count,
            created_at=state.now_us,
        )
        for number, (start, end) in enumerate(times)
    ]


def _to_give(state: BatchState, part: PlanGrant) -> PlanGrant:
    """Return the part after all of it is given. Rollover is moved in between: of credit with one end the
    older account is spent first, and earlier credit comes before the new.
    """
    owed = state.ledger.owed(part.tenant)
    given = replace(
        part,
        due_at=None,
        granted_at=state.now_of(part.tenant),
        granted_micros=part.credits_micros,
        debt_micros=min(part.credits_micros, owed.balance_micros),
        expires_at=_expires_at(state, part),
    )
    return state.working_set(SubscriptionWorkingSet).plan_grants.keep(given)


def _give(state: BatchState, one: Subscription, given: PlanGrant) -> None:
    ledger, tenant = state.ledger, one.tenant
    target = ledger.wallet(tenant)
    if given.is_apart:
        target = ledger.account(
            tenant, LedgerAccountKind.GRANT, given.id, expires_at=given.expires_at
        )
    source = ledger.account(tenant, LedgerAccountKind.PROVIDER, one.provider)
    code, micros = Code.SUBSCRIPTION, given.granted_micros
    state.credit(tenant, source, micros, code, to=target, subject_id=given.period_id)


def _expires_at(state: BatchState, part: PlanGrant) -> int | None:
    """Return when its credit ends, by the account's own clock; null: never.

    A part that we give late ends with the present part, or lasts as long as it would have: nobody loses
    credit by our delay. Late by our clock: a sandbox clock that leaps shows each part's own end.
    """
    if part.expires == NEVER:
        return None
    days = days_of(part.expires)
    if days is not None:
        return state.now_of(part.tenant) + days * DAY_US
    assert part.expires == PERIOD_END
    if part.ends_at > state.now_us:
        return part.ends_at
    siblings = state.working_set(SubscriptionWorkingSet).plan_grants.of_period(part.period_id)
    later = [each.ends_at for each in siblings if each.ends_at > state.now_us]
    return min(later, default=state.now_us + part.ends_at - part.starts_at)


def _go_on(state: BatchState, one: Subscription, new: PlanGrant, terms: GrantTerms) -> None:
    _roll_over(state, one, new, terms)
    if terms.on_repurchase == "stack":
        return
    ledger, grants = state.ledger, state.working_set(SubscriptionWorkingSet).plan_grants
    left = 0
    for part in grants.of_plan(one.tenant, new.plan_id):
        if part.period_id == new.period_id or not (part.is_apart and part.granted_micros):
            continue
        if not ledger.account(one.tenant, LedgerAccountKind.GRANT, part.id).balance_micros:
            continue
        micros = _end(state, part)
        if terms.on_repurchase == "reset":
            _tell_lost(state, part, micros)
        else:
            _take_along(state, part.id, micros)
            left += micros
    _carry(state, new, left)


def _roll_over(state: BatchState, one: Subscription, new: PlanGrant, terms: GrantTerms) -> None:
    """Roll over what was left, up to the plan's limit; the rest is lost."""
    room = (terms.rollover_max_credits or 0) * MICROS_PER_CREDIT
    grants = state.working_set(SubscriptionWorkingSet).plan_grants
    now_us, rolled = state.now_of(one.tenant), 0
    ended = [
        part
        for part in grants.of_subscription(one.id)
        if part.expires_at is not None
        and (part.id != new.id and part.plan_id == new.plan_id)
        and new.starts_at - _GAP_US <= part.expires_at <= now_us
    ]
    # Unreported losses roll over first.
    for part in sorted(ended, key=lambda each: not each.unreported_micros):
        micros = min(part.unreported_micros or part.expired_micros, room - rolled)
        if micros:
            _take_along(state, part.id, micros)
            rolled += micros
    _carry(state, new, rolled)
    tell_lost(state, one.id)


def _take_along(state: BatchState, part_id: str, micros: int) -> None:
    grants = state.working_set(SubscriptionWorkingSet).plan_grants
    part = grants.find(part_id)
    assert part is not None, "it was read"
    grants.keep(
        replace(
            part,
            expired_micros=part.expired_micros - micros,
            unreported_micros=max(0, part.unreported_micros - micros),
            rolled_micros=part.rolled_micros + micros,
        )
    )


def _carry(state: BatchState, new: PlanGrant, micros: int) -> None:
    if not micros:
        return
    carried = replace(
        new,
        id=new_id("pgr"),
        kind="rollover",
        due_at=None,
        credits_micros=micros,
        granted_micros=micros,
        debt_micros=0,
    )
    account = state.ledger.account(
        new.tenant, LedgerAccountKind.GRANT, carried.id, expires_at=carried.expires_at
    )
    expired = state.ledger.account(new.tenant, LedgerAccountKind.EXPIRED)
    state.move(expired, account, micros, Code.ROLLOVER, subject_id=carried.id)
    state.working_set(SubscriptionWorkingSet).plan_grants.keep(carried)
