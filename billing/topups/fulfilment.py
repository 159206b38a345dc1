"""Move a pending top-up through its suppliers: hand over, settle, or try the next one.

The next supplier is called only after a definite no. While an outcome is open, the top-up isn't switched,
failed or called elsewhere.
"""

from dataclasses import dataclass, replace as changed
from typing import Literal

from msgspec.structs import replace

from billing.engine.batch_state import BatchState, ReadSet
from billing.ledger.chart import Code, LedgerAccountKind
from billing.ledger.money import MICROS_PER_CENT
from billing.topups.attempt import Attempt, AttemptWorkingSet, attempts_of
from billing.topups.platform import Source
from billing.topups.plausible import NO_TERMS, DeliveryTerms, doubt_of, doubt_of_given
from billing.topups.send import fail
from billing.topups.settlement import EndedTopUp, OnTopUp, awaits, deliver, waits_for
from billing.topups.supplier_words import (
    DeliveredValues,
    SupplierWords,
    Why,
    delivered_values_of,
    words_of,
)
from billing.topups.topup import Deliverable, TopUp
from billing.topups.working_set import BY_APPROVAL, topups_of
from kernel.clock import SECOND_US
from kernel.errors import DomainError, InvalidInput
from kernel.storable import storable

REASON_CHARACTERS_MAX = 200
# The first and the longest delay while another top-up of the recipient is at the supplier; in
# between an eighth of its age. Thousands may wait for days behind one that is stuck.
BEHIND_US = 2 * SECOND_US
BEHIND_US_MAX = 60 * SECOND_US
# After this long, a call is surely over.
ASKED_US = 75 * SECOND_US


class StillOpen(DomainError):
    pass


class NoLongerAsked(DomainError):
    pass


class WordKept(DomainError):
    pass


def check_not_asked_now(state: BatchState, topup: TopUp) -> None:
    attempt = attempts_of(state).open_of(topup.id)
    if attempt is None or attempt.outcome != "requested":
        return
    if state.now_us - attempt.last_requested_at < ASKED_US:
        raise StillOpen(f"{attempt.supplier} is being called right now. Try again in a minute.")


def _check_begun(topup: TopUp) -> None:
    if topup.status == "scheduled":
        raise StillOpen("The top-up is scheduled. Its supplier is called at its time.")
    if topup.status == "pending" and topup.fulfilment == BY_APPROVAL:
        raise StillOpen("The top-up waits for the rest of its batch to be accepted.")


@dataclass(frozen=True, slots=True)
class OnAttempts(OnTopUp):
    def declare(self, read_set: ReadSet) -> None:
        OnTopUp.declare(self, read_set)
        read_set.working_set(AttemptWorkingSet).topup_ids.add(self.topup_id)


@dataclass(frozen=True, slots=True)
class AskSupplier(OnAttempts):
    """Begin a call of a supplier; of two workers that read the same `seen_checks_made`, only one may call."""

    seen_checks_made: int
    next_check_at: int
    source: Source
    recipient_email: str
    is_one_per_recipient: bool = False

    @property
    def _place(self) -> tuple[str, str, str, str]:
        account_id, environment = self.tenant
        return (environment, self.source.id, account_id, self.recipient_email)

    def declare(self, read_set: ReadSet) -> None:
        OnAttempts.declare(self, read_set)
        read_set.working_set(AttemptWorkingSet).recipients.add(self._place)


@dataclass(frozen=True, slots=True)
class HandedOver:
    """Without `attempt` it isn't the caller's turn."""

    topup: TopUp
    attempt: Attempt | None = None
    recipient_left: str | None = None


@dataclass(frozen=True, slots=True)
class HandOver(AskSupplier):
    """Hand the top-up to a supplier; from here on it can't be cancelled."""

    def decide(self, state: BatchState) -> HandedOver:
        topup, attempts = self._topup(state), attempts_of(state)
        if topup.status != "pending" or topup.checks_made != self.seen_checks_made:
            return HandedOver(topup)
        if self.is_one_per_recipient and attempts.others_open(topup.id, self._place):
            wait_us = max(BEHIND_US, min(BEHIND_US_MAX, (state.now_us - topup.created_at) // 8))
            behind = replace(topup, next_check_at=state.now_us + wait_us)
            topups_of(state).change(behind)
            return HandedOver(behind)
        handed = replace(
            topup,
            fulfilment=self.source.kind,
            supplier=self.source.id,
            handed_over_at=topup.handed_over_at or state.now_us,
            next_check_at=self.next_check_at,
            checks_made=topup.checks_made + 1,
        )
        is_open = attempts.open_of(topup.id)
        assert is_open is None or is_open.supplier == self.source.id, "it is open with one supplier"
        attempt = attempts.request(topup, self.source, state.now_us)
        topups_of(state).change(handed)
        return HandedOver(handed, attempt, attempts.left_of(self._place))


@dataclass(frozen=True, slots=True)
class KeepWaiting(OnAttempts):
    """Record that the supplier gave no final word; an older or ended attempt changes nothing. Without
    `next_check_at` an operator decides.
    """

    number: int
    requests_made: int
    outcome: Literal["waiting", "unknown"]
    next_check_at: int | None
    detail: str | None = None
    left_over: str | None = None

    def decide(self, state: BatchState) -> EndedTopUp:
        topup, attempts = self._topup(state), attempts_of(state)
        attempt = attempts.open_of(topup.id)
        is_mine = attempt is not None and (attempt.number, attempt.requests_made) == (
            self.number,
            self.requests_made,
        )
        if topup.status != "pending" or attempt is None or not is_mine:
            return self._ended(state, topup)
        left_over = attempt.left_over if self.left_over is None else self.left_over
        attempts.change(
            attempt.noted(
                self.outcome, now_us=state.now_us, detail=self.detail, left_over=left_over
            )
        )
        waiting = replace(topup, next_check_at=self.next_check_at)
        topups_of(state).change(waiting)
        return changed(self._ended(state, waiting), is_mine=True)


@dataclass(frozen=True, slots=True)
class Settle(OnAttempts):
    """End a pending top-up by the word of its supplier, an operator or the sandbox.

    Without `by` the word counts for all suppliers. A late, contradictory or implausible word is stored for
    an operator (`objection`), and delivers nothing. Raises AwaitsApproval, and NoLongerAsked for a no of a
    former supplier.
    """

    outcome: Literal["delivered", "failed"]
    reason: str | None = None
    given: Deliverable | None = None
    by: str | None = None
    attempt: tuple[int, int] | None = None
    cost_cents: int | None = None
    left_over: str | None = None
    doubt: str | None = None
    terms: DeliveryTerms = NO_TERMS

    def declare(self, read_set: ReadSet) -> None:
        OnAttempts.declare(self, read_set)
        if self.by is not None:
            read_set.working_set(SupplierWords)
        if self.outcome == "delivered" and not self.terms.is_shared:
            read_set.working_set(DeliveredValues).want(self.topup_id, self.tenant, self.given)
        if self.cost_cents and self.by is not None:
            read_set.places.add((*self.tenant, LedgerAccountKind.COST, ""))
            read_set.places.add((*self.tenant, LedgerAccountKind.SUPPLIER, self.by))

    def decide(self, state: BatchState) -> EndedTopUp:
        topup = self._topup(state)
        asked = waits_for(state, topup)
        if asked is not None:
            raise awaits(state, topup, asked)
        _check_begun(topup)
        if self.outcome == "failed" and self._is_late(state, topup):
            return self._ended(state, topup)
        if self.by is not None:
            if self._is_repeat(state, topup):
                return self._ended(state, topup)
            objection = self._objection(state, topup)
            if objection is not None:
                return self._keep(state, topup, *objection)
        if self.outcome == "delivered":
            self._check_given(state, topup)
            return self._ended(state, self._deliver(state, topup))
        reason = storable(self.reason or "refused", characters_max=REASON_CHARACTERS_MAX)
        following = self._next(state, topup)
        if following is not None:
            return self._ended(state, self._move_on(state, topup, following, reason))
        failed = fail(state, topup, reason)
        self._close(state, topup, "refused" if self.by else "dropped", reason)
        return self._ended(state, failed)

    def _is_repeat(self, state: BatchState, topup: TopUp) -> bool:
        if self.outcome == "failed":
            return topup.status in {"failed", "cancelled"}
        is_delivered = topup.status in {"delivered", "reversing", "reversed"}
        return is_delivered and self._has_it(topup) and self._is_same(state, topup)

    def _has_it(self, topup: TopUp) -> bool:
        return topup.supplier in {None, self.by}

    def _is_same(self, state: BatchState, topup: TopUp) -> bool:
        value = None if self.given is None else self.given.value
        if value is None or topup.fulfilment_code is None:
            return value is None and topup.fulfilment_code is None
        return topups_of(state).rules.codes.issued(topup.id, topup.fulfilment_code) == value

    def _objection(self, state: BatchState, topup: TopUp) -> tuple[Why, str] | None:
        said = f'It said "{self.outcome}"'
        if topup.status in {"delivered", "reversing", "reversed"} and self._has_it(topup):
            what = "handed over something else" if self.outcome == "delivered" else "said no"
            return "second", f"{said} after it had delivered: it {what} afterwards."
        if topup.status != "pending":
            return "late", f"{said} when the top-up was {topup.status} already."
        if self.by != topup.supplier:
            if self.outcome == "failed":
                raise NoLongerAsked(
                    f"{self.by} is no longer the supplier of this top-up.",
                    reason="supplier_replaced",
                )
            return "late", f"{said} when the top-up was with {topup.supplier} already."
        if self.outcome == "failed":
            return None
        doubt = self.doubt or doubt_of(topup, self.given, self.cost_cents, self.terms, state.now_us)
        if doubt is not None:
            return "implausible", doubt
        other = self._other(state)
        return None if other is None else ("repeated", _repeated(other))

    def _other(self, state: BatchState) -> str | None:
        if self.terms.is_shared:
            return None
        return delivered_values_of(state).other(self.topup_id, self.tenant.environment, self.given)

    def _check_given(self, state: BatchState, topup: TopUp) -> None:
        if self.by is not None or self.given is None or topup.status != "pending":
            return
        other = self._other(state)
        wrong = doubt_of_given(topup, self.given, state.now_us)
        wrong = _repeated(other) if other is not None else wrong
        if wrong is not None:
            raise InvalidInput(wrong, param="value")

    def _keep(self, state: BatchState, topup: TopUp, why: Why, detail: str) -> EndedTopUp:
        assert self.by is not None, "a person's word is followed or refused"
        words = words_of(state)
        words.keep(state, topup, self.by, self.outcome, why, detail, self.given, self.cost_cents)
        if topup.status == "pending" and self.by == topup.supplier:
            attempts = attempts_of(state)
            attempt = attempts.open_of(topup.id)
            if attempt is not None:
                attempts.change(attempt.noted("unknown", now_us=state.now_us, detail=detail))
            topup = replace(
                topup, next_check_at=None, handed_over_at=topup.handed_over_at or state.now_us
            )
            topups_of(state).change(topup)
        return changed(self._ended(state, topup), objection=detail)

    def _deliver(self, state: BatchState, topup: TopUp) -> TopUp:
        delivered = deliver(state, topup, given=self.given)
        if not self.terms.is_shared:
            delivered_values_of(state).note_delivered(self.tenant.environment, self.given)
        attempt = self._close(state, topup, "delivered", None)
        if attempt is not None and self.left_over is not None:
            attempts_of(state).leave(attempt, self.left_over, state.now_us)
        if attempt is not None:
            self._note_cost(state)
        return delivered

    def _note_cost(self, state: BatchState) -> None:
        if not self.cost_cents or self.by is None:
            return
        cost = state.ledger.account(self.tenant, LedgerAccountKind.COST)
        supplier = state.ledger.account(self.tenant, LedgerAccountKind.SUPPLIER, self.by)
        cost_micros = self.cost_cents * MICROS_PER_CENT
        state.move(cost, supplier, cost_micros, Code.SUPPLIER_COST, topup_id=self.topup_id)

    def _is_late(self, state: BatchState, topup: TopUp) -> bool:
        if self.attempt is None or topup.status != "pending":
            return False
        now = attempts_of(state).open_of(topup.id)
        return now is None or (now.number, now.requests_made) != self.attempt

    def _next(self, state: BatchState, topup: TopUp) -> Source | None:
        if self.by is None or topup.status != "pending":
            return None
        attempts = attempts_of(state).of(topup.id)
        refused_by = {one.supplier for one in attempts if one.outcome == "refused"} | {self.by}
        platforms = topups_of(state).rules.platforms.of(topup.environment)
        return platforms.next_after(topup.platform, sorted(refused_by))

    def _move_on(self, state: BatchState, topup: TopUp, to: Source, reason: str) -> TopUp:
        self._close(state, topup, "refused", reason)
        moved = replace(topup, supplier=to.id, fulfilment=to.kind, next_check_at=state.now_us)
        topups_of(state).change(moved)
        return moved

    def _close(
        self,
        state: BatchState,
        topup: TopUp,
        outcome: Literal["delivered", "refused", "dropped"],
        detail: str | None,
    ) -> Attempt | None:
        attempts = attempts_of(state)
        attempt = attempts.open_of(topup.id)
        if attempt is None:
            return None
        ended = attempt.noted(
            outcome, now_us=state.now_us, detail=detail, cost_cents=self.cost_cents
        )
        attempts.change(ended)
        return ended


def _repeated(other: str) -> str:
    return f"The same was delivered for {other} before. One of the two gets another one, or its funds back."


def take_cost_back(state: BatchState, topup: TopUp) -> None:
    cost = topups_of(state).cost_of(topup.id)
    if cost is None:
        return
    owed, booked = state.ledger.by_id(cost.credit_id), state.ledger.by_id(cost.debit_id)
    code = Code.SUPPLIER_COST_BACK
    state.move(owed, booked, cost.amount_micros, code, topup_id=topup.id)
