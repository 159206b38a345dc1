"""Move a pending top-up through its suppliers. Hand it over, settle it, or try the next supplier.

The next supplier is called only after a definite refusal. While an outcome is unknown, the top-up can't fail or be
switched to another supplier.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace as changed
from typing import Any, Literal, Self

import msgspec
from msgspec.structs import replace

from billing.engine.batch_state import BatchState, ReadSet, WorkingSet
from billing.ledger.chart import Code, LedgerAccountKind
from billing.ledger.money import MICROS_PER_CENT
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
from kernel.tenant import Tenant
from store.database import Transaction
from store.row_mapping import RowMapping

AttemptOutcome = Literal[
    "requested", "waiting", "unknown", "delivered", "refused", "dropped", "revoked", "kept"
]
OPEN = frozenset({"requested", "waiting", "unknown"})
DETAIL_CHARACTERS_MAX = 200
# A top-up can have at most this many attempts. Each switch to another supplier adds one.
ATTEMPTS_MAX = 100


class Attempt(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """An attempt to fulfil a top-up through a supplier. `requests_made` counts its calls. The outcome `dropped` means
    that an operator ended it before the supplier responded.
    """

    transaction_id: str
    number: int
    account_id: str
    environment: str
    recipient_email: str
    supplier: str
    kind: str
    outcome: AttemptOutcome = "requested"
    detail: str | None = None
    requests_made: int = 1
    requested_at: int
    last_requested_at: int
    ended_at: int | None = None
    prepared: str | None = None
    left_over: str | None = None
    cost_cents: int | None = None

    @property
    def is_open(self) -> bool:
        return self.ended_at is None

    def noted(
        self, outcome: AttemptOutcome, *, now_us: int, detail: str | None = None, **more: Any
    ) -> Self:
        kept = None if detail is None else storable(detail, characters_max=DETAIL_CHARACTERS_MAX)
        ended_at = None if outcome in OPEN else now_us
        return replace(self, outcome=outcome, detail=kept, ended_at=ended_at, **more)


class AttemptWorkingSet(WorkingSet):
    rank = 11

    def __init__(self) -> None:
        self.topup_ids: set[str] = set()
        # Each is (environment, supplier, account, recipient). An open attempt blocks others with the same four.
        self.recipients: set[tuple[str, str, str, str]] = set()
        self._attempts: dict[str, list[Attempt]] = {}
        self._open: dict[tuple[str, str, str, str], set[str]] = {}
        self._left: dict[tuple[str, str, str, str], str] = {}
        self._new: dict[tuple[str, int], Attempt] = {}
        self._changed: dict[tuple[str, int], Attempt] = {}
        self._new_left: dict[tuple[str, str, str, str], tuple[str, int]] = {}

    async def load(self, tx: Transaction, read_set: ReadSet, now_us: int) -> None:  # noqa: ARG002
        for one in await load(tx, self.topup_ids):
            self._attempts.setdefault(one.transaction_id, []).append(one)
        if self.recipients:
            wanted = sorted(self.recipients)
            for row in await tx.fetch(_OPEN, wanted=wanted):
                self._open.setdefault((row[0], row[1], row[2], row[3]), set()).add(row[4])
            for row in await tx.fetch(_LEFT, wanted=wanted):
                self._left[row[0], row[1], row[2], row[3]] = row[4]

    async def update(self, tx: Transaction, now_us: int) -> None:  # noqa: ARG002
        if not self._changed:
            return
        rows = [_CHANGED.write(one) for _, one in sorted(self._changed.items())]
        changed = await tx.execute(_UPDATE, rows=rows)
        assert changed == len(rows), "an open attempt vanished under the lock"

    async def insert(self, tx: Transaction) -> None:
        await tx.insert_deferred(
            "fulfilment_attempts", _ROWS.columns, [_ROWS.write(one) for one in self._new.values()]
        )
        await tx.insert_deferred(
            "supplier_recipients",
            ("environment", "supplier", "account_id", "recipient_email", "left_over", "changed_at"),
            [(*place, *left) for place, left in sorted(self._new_left.items())],
            on_conflict=_LEFT_BEFORE,
        )

    def of(self, topup_id: str) -> Sequence[Attempt]:
        return self._attempts.get(topup_id, ())

    def open_of(self, topup_id: str) -> Attempt | None:
        attempts = self._attempts.get(topup_id)
        return attempts[-1] if attempts and attempts[-1].is_open else None

    def others_open(self, topup_id: str, place: tuple[str, str, str, str]) -> bool:
        return bool(self._open.get(place, set()) - {topup_id})

    def left_of(self, place: tuple[str, str, str, str]) -> str | None:
        return self._left.get(place)

    def request(self, topup: TopUp, source: Source, now_us: int) -> Attempt:
        is_open = self.open_of(topup.id)
        if is_open is not None:
            again = replace(
                is_open,
                outcome="requested",
                requests_made=is_open.requests_made + 1,
                last_requested_at=now_us,
            )
            self.change(again)
            return again
        new = Attempt(
            transaction_id=topup.id,
            number=len(self.of(topup.id)) + 1,
            account_id=topup.account_id,
            environment=topup.environment,
            recipient_email=topup.recipient_email,
            supplier=source.id,
            kind=source.kind,
            requested_at=now_us,
            last_requested_at=now_us,
        )
        self.changes += 1
        self._attempts.setdefault(topup.id, []).append(new)
        self._new[topup.id, new.number] = new
        self._open.setdefault(place_of(new), set()).add(topup.id)
        return new

    def change(self, attempt: Attempt) -> None:
        self.changes += 1
        self._attempts[attempt.transaction_id][-1] = attempt
        place = (attempt.transaction_id, attempt.number)
        (self._new if place in self._new else self._changed)[place] = attempt
        if not attempt.is_open:
            self._open.get(place_of(attempt), set()).discard(attempt.transaction_id)

    def leave(self, attempt: Attempt, left_over: str, now_us: int) -> None:
        self.changes += 1
        place = place_of(attempt)
        self._left[place] = left_over
        self._new_left[place] = (left_over, now_us)


def place_of(attempt: Attempt) -> tuple[str, str, str, str]:
    return (attempt.environment, attempt.supplier, attempt.account_id, attempt.recipient_email)


def attempts_of(state: BatchState) -> AttemptWorkingSet:
    return state.working_set(AttemptWorkingSet)


async def load(tx: Transaction, topup_ids: Iterable[str]) -> Sequence[Attempt]:
    rows = await tx.fetch(
        f"""SELECT {_ROWS.listed} FROM fulfilment_attempts
            WHERE transaction_id IN :ids[text] ORDER BY transaction_id, number""",
        ids=sorted(set(topup_ids)),
    )
    return [_ROWS.read(row) for row in rows]


async def count_open(tx: Transaction, environment: str, supplier: str) -> int:
    row = await tx.fetch_one(
        """SELECT COUNT(*) AS attempts FROM fulfilment_attempts
           WHERE environment = :environment AND supplier = :supplier AND ended_at IS NULL""",
        environment=environment,
        supplier=supplier,
    )
    return 0 if row is None else int(row["attempts"])


async def note_prepared(tx: Transaction, attempt: Attempt, prepared: str) -> bool:
    """Store the result of `prepare` before the supplier is called. Return False if a newer call has begun."""
    changed = await tx.execute(
        """UPDATE fulfilment_attempts SET prepared = :prepared
           WHERE transaction_id = :id AND number = :number AND requests_made = :requests_made AND ended_at IS NULL""",
        prepared=prepared,
        id=attempt.transaction_id,
        number=attempt.number,
        requests_made=attempt.requests_made,
    )
    return changed == 1


async def lock_turn(
    tx: Transaction, transaction_id: str, supplier: str, requests_made: int
) -> bool:
    """Lock this call to the supplier. Return False if it has ended or a newer one has begun."""
    row = await tx.fetch_one(
        """SELECT number FROM fulfilment_attempts
           WHERE transaction_id = :id AND supplier = :supplier AND requests_made = :requests_made
             AND ended_at IS NULL FOR NO KEY UPDATE""",
        id=transaction_id,
        supplier=supplier,
        requests_made=requests_made,
    )
    return row is not None


async def left_of(
    tx: Transaction, tenant: Tenant, supplier: str, recipient_email: str
) -> str | None:
    row = await tx.fetch_one(
        """SELECT left_over FROM supplier_recipients
           WHERE environment = :environment AND supplier = :supplier
             AND account_id = :account_id AND recipient_email = :recipient_email""",
        environment=tenant.environment,
        supplier=supplier,
        account_id=tenant.account_id,
        recipient_email=recipient_email,
    )
    return None if row is None else str(row["left_over"])


_ROWS = RowMapping(Attempt)
_CHANGING = (
    "outcome",
    "detail",
    "requests_made",
    "last_requested_at",
    "ended_at",
    "left_over",
    "cost_cents",
)
_CHANGED = _ROWS.part("transaction_id", "number", *_CHANGING)
_UPDATE = f"""
UPDATE fulfilment_attempts SET {_ROWS.part(*_CHANGING).assigned} FROM :rows[{_CHANGED.typed}] AS v
WHERE fulfilment_attempts.transaction_id = v.transaction_id
  AND fulfilment_attempts.number = v.number AND fulfilment_attempts.ended_at IS NULL
"""
_WANTED = ":wanted[environment text, supplier text, account_id text, recipient_email text] AS v"
_SAME = """{0}.environment = v.environment AND {0}.supplier = v.supplier
  AND {0}.account_id = v.account_id AND {0}.recipient_email = v.recipient_email"""
_OPEN = f"""
SELECT a.environment, a.supplier, a.account_id, a.recipient_email, a.transaction_id
FROM {_WANTED} CROSS JOIN fulfilment_attempts a
WHERE {_SAME.format("a")} AND a.ended_at IS NULL
"""
_LEFT = f"""
SELECT r.environment, r.supplier, r.account_id, r.recipient_email, r.left_over
FROM {_WANTED} CROSS JOIN supplier_recipients r WHERE {_SAME.format("r")}
"""
_LEFT_BEFORE = """ON CONFLICT (environment, supplier, account_id, recipient_email)
DO UPDATE SET left_over = excluded.left_over, changed_at = excluded.changed_at"""


REASON_CHARACTERS_MAX = 200
# How long a top-up waits for its next check while another top-up for the same recipient is at the supplier. Between
# these limits, the wait is an eighth of the top-up's age.
BEHIND_US = 2 * SECOND_US
BEHIND_US_MAX = 60 * SECOND_US
# After this long, a call to a supplier has certainly ended.
ASKED_US = 75 * SECOND_US


class StillOpen(DomainError):
    pass


class AttemptEnded(DomainError):
    pass


class ReportRecorded(DomainError):
    pass


def check_not_asked_now(state: BatchState, topup: TopUp) -> None:
    attempt = attempts_of(state).open_of(topup.id)
    if attempt is None or attempt.outcome != "requested":
        return
    if state.now_us - attempt.last_requested_at < ASKED_US:
        raise StillOpen(f"{attempt.supplier} is being called right now. Try again in a minute.")


def _check_begun(topup: TopUp) -> None:
    if topup.status == "scheduled":
        raise StillOpen(
            "The top-up is scheduled. Its supplier will be called at the scheduled time."
        )
    if topup.status == "pending" and topup.fulfilment == BY_APPROVAL:
        raise StillOpen("The top-up is waiting for the rest of its batch to be accepted.")


@dataclass(frozen=True, slots=True)
class OnAttempts(OnTopUp):
    def declare(self, read_set: ReadSet) -> None:
        OnTopUp.declare(self, read_set)
        read_set.working_set(AttemptWorkingSet).topup_ids.add(self.topup_id)


@dataclass(frozen=True, slots=True)
class OnPendingTopUp(OnAttempts):
    """Begin a call to a supplier. If two workers read the same `seen_checks_made`, only one of them may call."""

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
class BegunCall:
    topup: TopUp
    attempt: Attempt | None = None
    recipient_left: str | None = None


@dataclass(frozen=True, slots=True)
class BeginSupplierCall(OnPendingTopUp):
    """Hand the top-up over to a supplier. After that, the sender can't cancel it."""

    def decide(self, state: BatchState) -> BegunCall:
        topup, attempts = self._topup(state), attempts_of(state)
        if topup.status != "pending" or topup.checks_made != self.seen_checks_made:
            return BegunCall(topup)
        if self.is_one_per_recipient and attempts.others_open(topup.id, self._place):
            wait_us = max(BEHIND_US, min(BEHIND_US_MAX, (state.now_us - topup.created_at) // 8))
            behind = replace(topup, next_check_at=state.now_us + wait_us)
            topups_of(state).change(behind)
            return BegunCall(behind)
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
        return BegunCall(handed, attempt, attempts.left_of(self._place))


@dataclass(frozen=True, slots=True)
class PostponeCheck(OnAttempts):
    """Record that no final response came. Change nothing if this call has ended or a newer call has begun."""

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
    """End a pending top-up after its supplier responds, or after an operator or the sandbox decides.

    A late, contradictory or implausible response delivers nothing. It is stored for an operator, and the result has
    an `objection`. Raise AttemptEnded if a previous supplier refuses.
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
                return self._record_word(state, topup, *objection)
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
                raise AttemptEnded(
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

    def _record_word(self, state: BatchState, topup: TopUp, why: Why, detail: str) -> EndedTopUp:
        assert self.by is not None, "a person's word is followed or refused"
        words = words_of(state)
        words.save(state, topup, self.by, self.outcome, why, detail, self.given, self.cost_cents)
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
