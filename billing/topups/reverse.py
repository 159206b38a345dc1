"""Reverse a delivered top-up once, if none of it was used. Its funds return to their sources.

A supplier's code may have been seen, so the credit returns only after the supplier confirms that the code is worthless.
The first decision is final, unless an operator decides otherwise.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec
from msgspec.structs import replace

from billing.engine.batch_state import AuditEntries, BatchState, ReadSet, WorkingSet
from billing.ledger.ledger import Code, LedgerAccount, LedgerAccountKind
from billing.ledger.money import MICROS_PER_CENT, micros_to_cents
from billing.topups.fulfilment import (
    BEHIND_US,
    Attempt,
    AttemptOutcome,
    OnAttempts,
    OnPendingTopUp,
    attempts_of,
    check_not_asked_now,
    take_cost_back,
)
from billing.topups.topup import HINT, AlreadyEnded, TopUp, move
from billing.topups.working_set import TopUpWorkingSet, release_funds, topups_of
from kernel.errors import DomainError
from kernel.storable import storable
from kernel.tenant import Tenant
from keys import audit_log
from keys.audit_log import Actor
from store.database import Transaction
from store.row_mapping import RowMapping

ReversalOutcome = Literal["reversed", "kept"]


class TopUpReversal(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A request to reverse a top-up. `requested_by` is None if an operator requested it. `next_check_at` is None if the
    supplier won't be called again.
    """

    transaction_id: str
    account_id: str
    environment: str
    reason: str
    requested_by: str | None = None
    requested_at: int
    checks_made: int = 0
    next_check_at: int | None = None
    outcome: ReversalOutcome | None = None
    detail: str | None = None
    ended_at: int | None = None


class DueReversal(msgspec.Struct, frozen=True, gc=False):
    id: str
    tenant: Tenant
    supplier: str | None
    checks_made: int
    recipient_email: str

    @property
    def place(self) -> str:
        return f"{self.tenant.environment}/{self.supplier}"


class ReversalWorkingSet(WorkingSet):
    rank = 14

    def __init__(self) -> None:
        self.topup_ids: set[str] = set()
        self._reversals: dict[str, TopUpReversal] = {}
        self._new: dict[str, TopUpReversal] = {}
        self._changed: dict[str, TopUpReversal] = {}

    async def load(self, tx: Transaction, read_set: ReadSet, now_us: int) -> None:  # noqa: ARG002
        self._reversals = await load(tx, self.topup_ids)

    async def update(self, tx: Transaction, now_us: int) -> None:  # noqa: ARG002
        if not self._changed:
            return
        rows = [_CHANGED.write(one) for _, one in sorted(self._changed.items())]
        changed = await tx.execute(_UPDATE, rows=rows)
        assert changed == len(rows), "a reversal that had not ended vanished under the lock"

    async def insert(self, tx: Transaction) -> None:
        rows = [_ROWS.write(one) for one in self._new.values()]
        await tx.insert_deferred("topup_reversals", _ROWS.columns, rows)

    def hints(self) -> Iterable[str]:
        written = (*self._new.values(), *self._changed.values())
        return (HINT,) if any(one.next_check_at is not None for one in written) else ()

    def of(self, topup_id: str) -> TopUpReversal | None:
        return self._reversals.get(topup_id)

    def put(self, reversal: TopUpReversal) -> None:
        self.changes += 1
        topup_id = reversal.transaction_id
        is_new = topup_id not in self._reversals or topup_id in self._new
        self._reversals[topup_id] = reversal
        (self._new if is_new else self._changed)[topup_id] = reversal


def reversals_of(state: BatchState) -> ReversalWorkingSet:
    return state.working_set(ReversalWorkingSet)


async def load(tx: Transaction, topup_ids: Iterable[str]) -> dict[str, TopUpReversal]:
    rows = await tx.fetch(
        f"SELECT {_ROWS.listed} FROM topup_reversals WHERE transaction_id IN :ids[text]",
        ids=sorted(set(topup_ids)),
    )
    return {row["transaction_id"]: _ROWS.read(row) for row in rows}


async def due_reversals(
    tx: Transaction,
    *,
    now_us: int,
    limit: int,
    exclude_ids: Sequence[str] = (),
    exclude_keys: Sequence[str] = (),
) -> list[DueReversal]:
    rows = await tx.fetch(
        """SELECT r.transaction_id, r.account_id, r.environment, t.supplier, r.checks_made,
                t.recipient_email
            FROM topup_reversals r JOIN topups t ON t.id = r.transaction_id
            WHERE r.ended_at IS NULL AND r.next_check_at <= :now
              AND NOT r.transaction_id IN :exclude_ids[text]
              AND (t.supplier IS NULL
                OR NOT r.environment || '/' || t.supplier IN :exclude_keys[text])
            ORDER BY r.next_check_at LIMIT :limit""",
        now=now_us,
        limit=limit,
        exclude_ids=exclude_ids,
        exclude_keys=exclude_keys,
    )
    return [DueReversal(row[0], Tenant(row[1], row[2]), *row[3:6]) for row in rows]


async def postpone_reversal(tx: Transaction, topup_id: str, until: int) -> None:
    await tx.execute(
        """UPDATE topup_reversals SET next_check_at = :until
           WHERE transaction_id = :id AND ended_at IS NULL AND next_check_at < :until""",
        id=topup_id,
        until=until,
    )


async def next_reversal_at(tx: Transaction, *, exclude_ids: Sequence[str] = ()) -> int | None:
    row = await tx.fetch_one(
        """SELECT next_check_at FROM topup_reversals
            WHERE ended_at IS NULL AND next_check_at IS NOT NULL
              AND NOT transaction_id IN :exclude_ids[text]
            ORDER BY next_check_at LIMIT 1""",
        exclude_ids=exclude_ids,
    )
    return None if row is None else int(row["next_check_at"])


_ROWS = RowMapping(TopUpReversal)
_CHANGING = ("reason", "checks_made", "next_check_at", "outcome", "detail", "ended_at")
_CHANGED = _ROWS.part("transaction_id", *_CHANGING)
_UPDATE = f"""
UPDATE topup_reversals SET {_ROWS.part(*_CHANGING).assigned} FROM :rows[{_CHANGED.typed}] AS v
WHERE topup_reversals.transaction_id = v.transaction_id
  AND (topup_reversals.outcome IS NULL OR topup_reversals.outcome = 'kept')
"""


REVERSAL_REASON_CHARACTERS_MAX: Final = 200


class AlreadyUsed(DomainError):
    """The delivery was used or can't be taken back. `reason` is one of: redeemed, spent, handed_over, kept, pending."""


@dataclass(frozen=True, slots=True)
class ReversedOutcome:
    topup: TopUp
    wallet_balance_cents: int
    reversal: TopUpReversal | None = None


@dataclass(frozen=True, slots=True)
class _OnReversal(OnAttempts):
    def declare(self, read_set: ReadSet) -> None:
        OnAttempts.declare(self, read_set)
        read_set.working_set(ReversalWorkingSet).topup_ids.add(self.topup_id)

    def _result(self, state: BatchState, topup: TopUp) -> ReversedOutcome:
        balance = micros_to_cents(state.ledger.balance_micros(self.tenant, state.now_us))
        return ReversedOutcome(topup, balance, reversals_of(state).of(topup.id))


@dataclass(frozen=True, slots=True)
class _Ending(_OnReversal):
    def declare(self, read_set: ReadSet) -> None:
        _OnReversal.declare(self, read_set)
        # Load the ledger account of redeemed vouchers, because deliveries by suppliers are booked there.
        read_set.working_set(TopUpWorkingSet).redeemed_ids.add(self.topup_id)


@dataclass(frozen=True, slots=True)
class Reverse(_Ending):
    """Start a reversal. Repeating the command has the same result."""

    reason: str
    requested_by: str | None = None
    can_revoke: bool = False
    actor: Actor | None = None
    by_name: str | None = None

    def declare(self, read_set: ReadSet) -> None:
        _Ending.declare(self, read_set)
        if self.actor is not None:
            read_set.working_set(AuditEntries)

    def decide(self, state: BatchState) -> ReversedOutcome:
        topup = self._topup(state)
        if topup.status in {"reversing", "reversed"}:
            return self._result(state, topup)
        _check_delivered(topup)
        if topup.lies_here:
            _check_unused(state, topup)
        else:
            self._check_handed_over(state, topup)
        reason = storable(self.reason, characters_max=REVERSAL_REASON_CHARACTERS_MAX)
        next_check_at = None if topup.lies_here else state.now_us
        asked = _new_reversal(state, topup, reason, self.requested_by, next_check_at)
        if topup.lies_here:
            changed = reverse(state, topup, asked)
        else:
            changed = move(topup, "reversing", seen="delivered", now_us=state.now_us)
            topups_of(state).change(changed)
            reversals_of(state).put(asked)
        if self.actor is not None:
            record(state, changed, self.actor, self.by_name, reason)
        return self._result(state, changed)

    def _check_handed_over(self, state: BatchState, topup: TopUp) -> None:
        kept = reversals_of(state).of(topup.id)
        if kept is not None:
            raise AlreadyUsed(
                f"The supplier didn't revoke the delivery: {kept.detail}.",
                reason="kept",
                extra=_facts(topup),
            )
        if not self.can_revoke:
            raise AlreadyUsed(
                "The delivery may have been seen or used, and its supplier can't revoke it.",
                reason="handed_over",
                extra=_facts(topup),
            )


@dataclass(frozen=True, slots=True)
class RevocationCall:
    """What is needed to revoke a delivery. `attempt` is None while another process is calling the supplier. `prepared`
    was stored before the delivery.
    """

    topup: TopUp
    attempt: Attempt | None = None
    recipient_left: str | None = None
    prepared: str | None = None


@dataclass(frozen=True, slots=True)
class BeginRevocation(OnPendingTopUp):
    def declare(self, read_set: ReadSet) -> None:
        OnPendingTopUp.declare(self, read_set)
        read_set.working_set(ReversalWorkingSet).topup_ids.add(self.topup_id)

    def decide(self, state: BatchState) -> RevocationCall:
        topup, attempts, reversals = self._topup(state), attempts_of(state), reversals_of(state)
        asked = reversals.of(topup.id)
        is_mine = asked is not None and asked.checks_made == self.seen_checks_made
        if topup.status != "reversing" or asked is None or not is_mine:
            return RevocationCall(topup)
        if self.is_one_per_recipient and attempts.others_open(topup.id, self._place):
            reversals.put(replace(asked, next_check_at=state.now_us + BEHIND_US))
            return RevocationCall(topup)
        checks_made = asked.checks_made + 1
        reversals.put(replace(asked, checks_made=checks_made, next_check_at=self.next_check_at))
        known = attempts.of(topup.id)
        prepared = next((one.prepared for one in known if one.outcome == "delivered"), None)
        attempt = attempts.request(topup, self.source, state.now_us)
        return RevocationCall(topup, attempt, attempts.left_of(self._place), prepared)


@dataclass(frozen=True, slots=True)
class PostponeReversal(_OnReversal):
    checks_made: int
    detail: str
    next_check_at: int | None

    def decide(self, state: BatchState) -> ReversedOutcome:
        topup, reversals = self._topup(state), reversals_of(state)
        asked = reversals.of(topup.id)
        is_open = topup.status == "reversing" and asked is not None
        if is_open and asked is not None and asked.checks_made == self.checks_made:
            reversals.put(replace(asked, next_check_at=self.next_check_at))
            _note_attempt(state, topup, "unknown", self.detail)
        return self._result(state, topup)


@dataclass(frozen=True, slots=True)
class EndReversal(_Ending):
    """End a reversal after the supplier's first definite response. An operator (`actor`) can end it without an earlier
    request.

    Raise StillOpen while the supplier is being called.
    """

    is_revoked: bool
    reason: str
    checks_made: int | None = None  # the number of the call in which the supplier refused
    actor: Actor | None = None
    by_name: str | None = None

    def declare(self, read_set: ReadSet) -> None:
        _Ending.declare(self, read_set)
        if self.actor is not None:
            read_set.working_set(AuditEntries)

    def decide(self, state: BatchState) -> ReversedOutcome:
        topup = self._topup(state)
        asked = reversals_of(state).of(topup.id)
        reason = storable(self.reason, characters_max=REVERSAL_REASON_CHARACTERS_MAX)
        if self.actor is not None:
            asked = self._checked(state, topup, asked, reason)
        if topup.status == "reversed" or asked is None or self._is_late(topup, asked):
            return self._result(state, topup)
        if self.is_revoked:
            ended = reverse(state, topup, asked)
            _note_attempt(state, ended, "revoked", None)
        else:
            ended = self._end_refused(state, topup, asked, reason)
        if self.actor is not None:
            record(state, ended, self.actor, self.by_name, reason)
        return self._result(state, ended)

    def _is_late(self, topup: TopUp, asked: TopUpReversal) -> bool:
        if self.actor is not None:
            return False
        is_earlier = not self.is_revoked and asked.checks_made != self.checks_made
        return topup.status != "reversing" or is_earlier

    def _checked(
        self, state: BatchState, topup: TopUp, asked: TopUpReversal | None, reason: str
    ) -> TopUpReversal | None:
        check_not_asked_now(state, topup)
        if topup.status in {"reversing", "reversed"}:
            return asked
        _check_delivered(topup)
        if topup.lies_here or not self.is_revoked:
            raise AlreadyUsed(
                "The top-up isn't being reversed.", reason="not_reversing", extra=_facts(topup)
            )
        if asked is not None:
            # The supplier refused earlier, but the operator has checked the delivery.
            return replace(asked, reason=reason)
        return _new_reversal(state, topup, reason)

    def _end_refused(
        self, state: BatchState, topup: TopUp, asked: TopUpReversal, reason: str
    ) -> TopUp:
        kept = move(topup, "delivered", seen="reversing", now_us=state.now_us)
        topups_of(state).change(kept)
        reversals_of(state).put(
            replace(asked, outcome="kept", detail=reason, next_check_at=None, ended_at=state.now_us)
        )
        _note_attempt(state, kept, "kept", reason)
        return kept


def _new_reversal(
    state: BatchState,
    topup: TopUp,
    reason: str,
    requested_by: str | None = None,
    next_check_at: int | None = None,
) -> TopUpReversal:
    return TopUpReversal(
        transaction_id=topup.id,
        account_id=topup.account_id,
        environment=topup.environment,
        reason=reason,
        requested_by=requested_by,
        requested_at=state.now_us,
        next_check_at=next_check_at,
    )


def reverse(state: BatchState, topup: TopUp, asked: TopUpReversal) -> TopUp:
    """Return the funds and end the top-up. The caller has checked that nothing was used."""
    ledger, tenant = state.ledger, topup.tenant
    recipient = source = _recipient(state, topup)
    if not topup.lies_here and topups_of(state).redemption_of(topup.id) is not None:
        source = ledger.account(tenant, LedgerAccountKind.REDEEMED, topup.platform)
    reversed_ = move(
        topup,
        "reversed",
        seen=topup.status,
        now_us=state.now_us,
        voucher_code_hint=None,
        fulfilment_code=None,
    )
    release_funds(state, topup, source=source, code=Code.TOPUP_REVERSE)
    take_cost_back(state, topup)
    _pay_debt(state, topup)
    reversed_ = replace(reversed_, new_balance_cents=micros_to_cents(recipient.balance_micros))
    topups_of(state).change(reversed_)
    reversals_of(state).put(
        replace(asked, outcome="reversed", detail=None, next_check_at=None, ended_at=state.now_us)
    )
    data = {**reversed_.event_data(), "reason": asked.reason}
    state.publish(tenant, "topup.reversed", data, topup.id, trace=topup.trace)
    return reversed_


def record(state: BatchState, topup: TopUp, actor: Actor, by_name: str | None, reason: str) -> None:
    entry = audit_log.entry(
        actor,
        "topup.reverse",
        environment=topup.environment,
        subject_id=topup.id,
        before=None,
        after={"status": topup.status, "reason": reason, "by": by_name},
        now_us=state.now_us,
    )
    state.working_set(AuditEntries).add(entry)


def _check_delivered(topup: TopUp) -> None:
    if topup.status == "pending":
        raise AlreadyUsed(
            "The top-up isn't delivered yet. Cancel it to get its funds back.",
            reason="pending",
            extra=_facts(topup),
        )
    if topup.status != "delivered":
        raise AlreadyEnded(f"The top-up has already ended: {topup.status}.", extra=_facts(topup))


def _check_unused(state: BatchState, topup: TopUp) -> None:
    if topups_of(state).redemption_of(topup.id) is not None:
        raise AlreadyUsed(
            "The top-up's voucher was redeemed.", reason="redeemed", extra=_facts(topup)
        )
    recipient = _recipient(state, topup)
    if recipient.balance_micros < topup.amount_cents * MICROS_PER_CENT:
        raise AlreadyUsed(
            "The recipient's wallet no longer holds the credit.",
            reason="spent",
            extra=_facts(topup),
        )


def _pay_debt(state: BatchState, topup: TopUp) -> None:
    wallet, owed = state.ledger.wallet(topup.tenant), state.ledger.owed(topup.tenant)
    debt = min(owed.balance_micros, wallet.balance_micros)
    if debt:
        state.move(wallet, owed, debt, Code.DEBT, topup_id=topup.id)


def _note_attempt(
    state: BatchState, topup: TopUp, outcome: AttemptOutcome, detail: str | None
) -> None:
    attempt = attempts_of(state).open_of(topup.id)
    if attempt is not None:
        attempts_of(state).change(attempt.noted(outcome, now_us=state.now_us, detail=detail))


def _recipient(state: BatchState, topup: TopUp) -> LedgerAccount:
    kind = LedgerAccountKind.RECIPIENT
    return state.ledger.account(topup.tenant, kind, topup.recipient_name)


def _facts(topup: TopUp) -> dict[str, object]:
    return {"transaction_id": topup.id, "status": topup.status}
