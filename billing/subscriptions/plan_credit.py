"""Grant a period's credit under its plan's terms, and take it back if the payment is returned.

Each part is granted once, under the account's lock. Credit that is granted at once and never expires goes to the
wallet.

Credit is taken back in this order:

- parts that aren't granted yet
- the ledger accounts of the parts, newest first
- expired credit
- credit that rolled over to later periods
- the wallet

The account owes the rest. Never take more than the returned share, or more than was granted. If the money comes
back, what was taken last is restored first.
"""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from billing.catalog.grant_terms import NEVER, PERIOD_END, GrantTerms, days_of
from billing.credits.grant import EndOfCredit, publish_expired
from billing.engine.batch_state import BatchState
from billing.ledger.ledger import Code, LedgerAccount, LedgerAccountKind
from billing.ledger.money import MICROS_PER_CREDIT
from billing.orders.refund import share_of
from billing.orders.reversal import SoldCredit, brought
from billing.providers.protocol import Interval
from billing.subscriptions.plan_grant import PlanGrant, ungiven_of
from billing.subscriptions.subscription import LIVING, Period, Subscription, add_months, due_micros
from billing.subscriptions.working_set import SubscriptionWorkingSet
from kernel.clock import DAY_US
from kernel.ids import new_id

# If the rest of the period is shorter than this, it belongs to the last part.
_LEAST_PART_US = 14 * DAY_US
# The next period can start at most this long after the last one ends.
_GAP_US = DAY_US


def give_period(
    state: BatchState, one: Subscription, period: Period, terms: GrantTerms, interval: Interval
) -> Period:
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
        grants.save(part)
    end_expired(state, one)
    first = _to_give(state, parts[0])
    if period.period_end_at > (one.paid_until_at or 0):
        _continue(state, one, first, terms)
    _give(state, one, first)
    return replace(period, credits_micros=first.granted_micros)


def give_part(state: BatchState, one: Subscription, part: PlanGrant, micros: int) -> None:
    """Grant a due part. If `micros` is less than the part, grant only that much, and make the rest a new part."""
    working_set = state.working_set(SubscriptionWorkingSet)
    if micros < part.credits_micros:
        rest = replace(
            part, id=new_id("pgr"), credits_micros=part.credits_micros - micros, due_at=None
        )
        working_set.plan_grants.save(rest)
        part = replace(part, credits_micros=micros)
    end_expired(state, one)
    given = _to_give(state, part)
    _roll_over(state, one, given, one.grant_terms)
    _give(state, one, given)
    period = next(p for p in working_set.periods(one.id) if p.id == part.period_id)
    working_set.save_period(
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
            grants.save(replace(ended, unreported_micros=ended.unreported_micros + kept))
            _publish_lost(state, part, micros - kept)
            found += 1
    return found


def publish_lost(state: BatchState, one: Subscription, *, is_rolled_over: bool = False) -> None:
    """Report expired credit that can't roll over. After a rollover (`is_rolled_over`), credit can roll over only into
    a part still due.
    """
    grants = state.working_set(SubscriptionWorkingSet).plan_grants
    siblings = grants.of_subscription(one.id)
    for part in siblings:
        is_due = _is_given_next(siblings, part.expires_at or 0)
        if is_due if is_rolled_over else _may_roll_over(one, siblings, part):
            continue
        if part.unreported_micros > 0:
            # A refund may have taken back some of it. Below 0, the column says how much to report if it returns.
            lost = min(part.unreported_micros, part.expired_micros)
            grants.save(replace(part, unreported_micros=lost - part.unreported_micros))
            _publish_lost(state, part, lost)


def _may_roll_over(one: Subscription, siblings: Sequence[PlanGrant], part: PlanGrant) -> bool:
    most, ends_at = one.grant_terms.rollover_max_credits, part.expires_at
    if part.unreported_micros < 0 or most is None or ends_at is None:
        return False
    is_renewed = one.status in LIVING and not one.is_ending
    is_same_plan = one.next_plan_id in {None, one.plan_id}
    is_next = _is_given_next(siblings, ends_at) or (is_renewed and is_same_plan)
    return is_next and part.plan_id == one.plan_id


def _is_given_next(siblings: Sequence[PlanGrant], ends_at: int) -> bool:
    return any(each.due_at is not None and each.starts_at - _GAP_US <= ends_at for each in siblings)


def room_after(state: BatchState, one: Subscription, part: PlanGrant) -> int:
    siblings = state.working_set(SubscriptionWorkingSet).plan_grants.of_subscription(one.id)
    most, ends_at = one.grant_terms.rollover_max_credits, part.expires_at
    if most is None or ends_at is None or not _may_roll_over(one, siblings, part):
        return 0
    taken = sum(
        max(0, each.unreported_micros)
        for each in siblings
        if each.expires_at is not None and abs(each.expires_at - ends_at) <= _GAP_US
    )
    return max(0, most * MICROS_PER_CREDIT - taken)


def goes_on(state: BatchState, one: Subscription, part: PlanGrant) -> int:
    """Return how much of the part would roll over if no more of it were spent."""
    assert part.expires_at is not None, "it ends"
    left = {a.name: a.balance_micros for a in state.ledger.grants(one.tenant, state.now_us)}
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


def _publish_lost(state: BatchState, part: PlanGrant, micros: int) -> None:
    if micros:
        publish_expired(state, part.tenant, end_of(part), micros)


def _end(state: BatchState, part: PlanGrant) -> int:
    account = state.ledger.account(part.tenant, LedgerAccountKind.GRANT, part.id)
    micros = account.balance_micros
    expired = state.ledger.account(part.tenant, LedgerAccountKind.EXPIRED)
    state.move(account, expired, micros, Code.EXPIRY, subject_id=part.id)
    grants = state.working_set(SubscriptionWorkingSet).plan_grants
    grants.save(replace(part, expired_micros=part.expired_micros + micros))
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
    """Record the part as granted. `_give` moves its credit later, so that rolled-over credit has the older account.

    Of two ledger accounts with the same expiry, the older one is spent first.
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
    return state.working_set(SubscriptionWorkingSet).plan_grants.save(given)


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
    """Return when the part expires. A late part expires with the current part. If there is no current part, the late
    part lasts its full length.
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


def _continue(state: BatchState, one: Subscription, new: PlanGrant, terms: GrantTerms) -> None:
    _roll_over(state, one, new, terms)
    if terms.on_repurchase == "stack":
        return
    grants = state.working_set(SubscriptionWorkingSet).plan_grants
    # Another subscription's credit may have expired before the worker ended it. It stays expired.
    alive = {account.name for account in state.ledger.grants(one.tenant, state.now_us)}
    left = 0
    for part in grants.of_plan(one.tenant, new.plan_id):
        if part.period_id == new.period_id or part.id not in alive:
            continue
        micros = _end(state, part)
        if terms.on_repurchase == "reset":
            _publish_lost(state, part, micros)
        else:
            _take_along(state, part.id, micros)
            left += micros
    _carry(state, new, left)


def _roll_over(state: BatchState, one: Subscription, new: PlanGrant, terms: GrantTerms) -> None:
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
    # Credit that `credit.expired` reported as lost stays lost, even if the next period is paid after all.
    for part in ended:
        # A refund may have taken back some of it.
        micros = min(part.unreported_micros, part.expired_micros, room - rolled)
        if micros > 0:
            _take_along(state, part.id, micros)
            rolled += micros
    _carry(state, new, rolled)
    # Credit that a due part can still roll over isn't lost yet.
    publish_lost(state, one, is_rolled_over=True)


def _take_along(state: BatchState, part_id: str, micros: int) -> None:
    grants = state.working_set(SubscriptionWorkingSet).plan_grants
    part = grants.find(part_id)
    assert part is not None, "it was read"
    grants.save(
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
    state.working_set(SubscriptionWorkingSet).plan_grants.save(carried)


def bring_back_to(
    state: BatchState, one: Subscription, period: Period, returned_amount: int
) -> Period:
    """Take back the credit of a returned payment. The caller must store the changed period."""
    working_set = state.working_set(SubscriptionWorkingSet)
    if working_set.plan_grants.of_period(period.id):
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
        period = _take_back(state, one, period, due - period.reversed_micros)
        state.record_drop(one.tenant, before, calls_for_recharge=False)
    elif due < period.reversed_micros:
        period = _return_credit(state, one, period, period.reversed_micros - due)
    schedule(state, period, kept_back)
    publish_lost(state, one)
    return replace(period, refunded_amount=returned_amount)


def given_back_of(period: Period, parts: Sequence[PlanGrant], returned_amount: int) -> int:
    return _due(period, parts, returned_amount) - kept_back_of(period, parts, returned_amount)


def left_of(state: BatchState, one: Subscription, parts: Iterable[PlanGrant]) -> int:
    accounts = [
        state.ledger.account(one.tenant, LedgerAccountKind.GRANT, part.id)
        for part in parts
        if part.is_apart and part.granted_micros
    ]
    return sum(account.balance_micros for account in accounts)


def kept_back_of(period: Period, parts: Sequence[PlanGrant], returned_amount: int) -> int:
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
                grants.save(replace(part, due_at=due_at))


def _due(period: Period, parts: Iterable[PlanGrant], returned_amount: int) -> int:
    right_micros = period.credits_micros + ungiven_of(parts) - period.corrected_micros
    return period.corrected_micros + share_of(right_micros, returned_amount, period.amount)


def _take_back(state: BatchState, one: Subscription, period: Period, micros: int) -> Period:
    ledger = state.ledger
    grants = state.working_set(SubscriptionWorkingSet).plan_grants
    parts = list(reversed(grants.of_period(period.id)))
    left = micros - _out_of(state, one, period, parts, micros)
    reach = min(left, sum(part.rolled_micros for part in parts))
    rolled = 0
    for each in _later(state, one, period, parts):
        rolled += _out_of(state, one, period, [each], reach - rolled)
    left -= rolled
    wallet, owed = ledger.wallet(one.tenant), ledger.owed(one.tenant)
    by_wallet = min(left, wallet.balance_micros)
    for source, amount in ((wallet, by_wallet), (owed, left - by_wallet)):
        _reverse(state, one, period, source, amount)
    return _with_reversed(period, micros, rolled)


def _later(
    state: BatchState, one: Subscription, period: Period, parts: Sequence[PlanGrant]
) -> list[PlanGrant]:
    """Return the parts that the period's credit may have rolled over to, the nearest first."""
    every = state.working_set(SubscriptionWorkingSet).plan_grants.of_plan(
        one.tenant, period.plan_id
    )
    return [each for each in every if _may_have_gone_to(each, period, parts)]


def _may_have_gone_to(each: PlanGrant, period: Period, parts: Sequence[PlanGrant]) -> bool:
    if each.kind != "rollover":
        return False
    if each.subscription_id == period.subscription_id:
        return each.starts_at > period.period_start_at
    # This part belongs to another subscription, because the plan was bought again.
    return (each.granted_at or 0) >= min((part.granted_at or 0 for part in parts), default=0)


def _out_of(
    state: BatchState, one: Subscription, period: Period, parts: Sequence[PlanGrant], micros: int
) -> int:
    """Take credit from the parts' ledger accounts, then from expired credit. Return how much was taken."""
    ledger = state.ledger
    grants = state.working_set(SubscriptionWorkingSet).plan_grants
    expired = ledger.account(one.tenant, LedgerAccountKind.EXPIRED)
    left, reached = micros, [part for part in parts if part.is_apart and part.granted_micros]
    for part in reached:
        account = ledger.account(one.tenant, LedgerAccountKind.GRANT, part.id)
        taken = min(left, account.balance_micros)
        if taken:
            _reverse(state, one, period, account, taken)
            grants.save(replace(part, reversed_micros=part.reversed_micros + taken))
            left -= taken
    for each in reached:
        part = grants.find(each.id) or each
        taken = min(left, part.expired_micros)
        if taken:
            _reverse(state, one, period, expired, taken)
            grants.save(_with_expired(part, -taken))
            left -= taken
    return micros - left


def _with_expired(part: PlanGrant, micros: int) -> PlanGrant:
    return replace(
        part,
        expired_micros=part.expired_micros + micros,
        reversed_expired_micros=part.reversed_expired_micros - micros,
    )


def _return_credit(state: BatchState, one: Subscription, period: Period, micros: int) -> Period:
    """Return credit to the wallet first, then to later periods' parts, then to the period's own."""
    parts = state.working_set(SubscriptionWorkingSet).plan_grants.of_period(period.id)
    beyond = period.reversed_micros - _reversed_of(parts)
    from_rolled = min(period.reversed_rolled_micros, beyond)
    wallet = min(micros, beyond - from_rolled)
    rolled = min(micros - wallet, from_rolled)
    back = 0
    # The nearest part first, because another period may only reach the later ones.
    for each in _later(state, one, period, parts):
        back += _back_into(state, one, period, [each], rolled - back)
    # If a reversal of another subscription left less room in the parts, the wallet gets the rest.
    _undo(state, one, period, state.ledger.wallet(one.tenant), wallet + rolled - back)
    own = micros - wallet - rolled
    returned = _back_into(state, one, period, parts, own)
    assert returned == own, "what was taken is known"
    return _with_reversed(period, -micros, -rolled)


def _with_reversed(period: Period, micros: int, rolled: int) -> Period:
    return replace(
        period,
        reversed_micros=period.reversed_micros + micros,
        reversed_rolled_micros=period.reversed_rolled_micros + rolled,
    )


def _reversed_of(parts: Iterable[PlanGrant]) -> int:
    return sum(part.reversed_micros + part.reversed_expired_micros for part in parts)


def _back_into(
    state: BatchState, one: Subscription, period: Period, parts: Sequence[PlanGrant], micros: int
) -> int:
    """Undo what `_out_of` did: return expired credit, then the other. Return how much was returned."""
    ledger, left = state.ledger, micros
    grants = state.working_set(SubscriptionWorkingSet).plan_grants
    expired = ledger.account(one.tenant, LedgerAccountKind.EXPIRED)
    for each in parts:
        part = grants.find(each.id) or each
        back = min(left, part.reversed_expired_micros)
        if back:
            _move_back(state, one, period, expired, back)
            lost = min(back, max(0, -part.unreported_micros))
            part = replace(part, unreported_micros=part.unreported_micros + lost)
            grants.save(_with_expired(part, back))
            _publish_lost(state, part, lost)
            left -= back
    for each in parts:
        part = grants.find(each.id) or each
        back = min(left, part.reversed_micros)
        if back:
            account = ledger.account(one.tenant, LedgerAccountKind.GRANT, part.id)
            _undo(state, one, period, account, back)
            grants.save(replace(part, reversed_micros=part.reversed_micros - back))
            left -= back
    return micros - left


def _undo(
    state: BatchState, one: Subscription, period: Period, target: LedgerAccount, micros: int
) -> None:
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
