"""Refunds and disputes: credit is taken back as the payment goes, and given back with a won dispute.

Promise: what was reversed is always the credits' share of what is gone of the payment, rounded up,
whatever the order in which the facts come and however often; never more than was credited. A refund
that failed counts no longer. The
order's own promotional grant pays first, then the wallet, and what neither has becomes the
account's debt, so no balance is ever negative. A refund that is told before its payment waits for it.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from msgspec.structs import replace

from billing.engine.batch_state import BatchState
from billing.engine.read_set import ReadSet
from billing.ledger.ledger import Code, Kind, LedgerAccount
from billing.ledger.price import Price
from billing.orders import gone
from billing.orders.order import Order, Status, amend, due_micros, move
from billing.orders.records import Reversal
from billing.orders.working_set import OrderWorkingSet
from billing.providers.event_log import NotificationRef, Outcome
from billing.providers.problem import Problem, in_words
from kernel.errors import NotFound

Part = tuple[LedgerAccount, int]


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a fact: the order after it; detail is for the operator."""

    order: Order
    outcome: Outcome
    detail: str = ""
    problem: Problem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OnOrder(ABC):
    """What every command on one existing order shares. Its account is found by the order's id.

    told: the notification that says it; None: our own decision. Another provider's is refused.
    """

    order_id: str
    scope: tuple[str, str]
    told: NotificationRef | None

    def declare(self, read_set: ReadSet) -> None:
        read_set.scopes.add(self.scope)
        read_set.working_set(OrderWorkingSet).ids.add(self.order_id)

    def decide(self, state: BatchState) -> Settled:
        """Raises NotFound, also for an order of another environment than the notification's."""
        working_set = state.working_set(OrderWorkingSet)
        order = working_set.find(self.order_id, self.scope)
        if self.told is not None and self.told.environment != order.environment:
            raise NotFound("Order", param="id")
        if self.told is not None and self.told.provider != order.provider:
            detail = f"{self.told.provider} speaks of an order at {order.provider}"
            problem = Problem("other_provider", detail, order.provider, self.told.provider)
            settled = Settled(order, "refused", detail, problem)
        else:
            settled = self.apply(state, order)
        became = (settled.outcome, settled.detail, state.now_us, settled.problem)
        working_set.note(self.told, settled.order, *became)
        return settled

    @abstractmethod
    def apply(self, state: BatchState, order: Order) -> Settled:
        """What the fact changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reverse(OnOrder):
    """Money went back, or a bank took it back; price is the whole so far under this key."""

    key: str
    kind: gone.Kind
    price: Price

    def apply(self, state: BatchState, order: Order) -> Settled:
        if self.price.currency != order.payment.currency:
            problem = other_currency(self.kind, self.key, self.price, order.payment)
            return Settled(order, "review", problem.sentence, problem)
        working_set = state.working_set(OrderWorkingSet)
        known = working_set.reversal(order.id, self.key)
        amount = min(self.price.amount, order.payment.amount)
        if amount <= 0 or (known is not None and known.amount >= amount):
            return Settled(order, "repeated" if known is not None else "ignored")
        if known is None:
            status: Literal["open", "done"] = "open" if self.kind == "dispute" else "done"
            known = Reversal(
                order.id, self.key, *order.scope, self.kind, amount, status, state.now_us
            )
        # Notifications overtake each other: an older, smaller sum changes nothing.
        working_set.keep_reversal(replace(known, amount=amount))
        if not order.is_settled:
            return Settled(order, "applied", f"{self.kind} {self.key} before the payment")
        return Settled(settle_reversals(state, order), "applied")


@dataclass(frozen=True, slots=True, kw_only=True)
class FailRefund(OnOrder):
    """A refund did not reach the payer and its money is ours again; kind as in `Reverse`."""

    key: str
    kind: gone.Kind
    price: Price

    def apply(self, state: BatchState, order: Order) -> Settled:
        if self.price.currency != order.payment.currency:
            problem = other_currency("failed refund", self.key, self.price, order.payment)
            return Settled(order, "review", problem.sentence, problem)
        working_set = state.working_set(OrderWorkingSet)
        known = working_set.reversal(order.id, self.key)
        if known is not None and known.status == "failed":
            return Settled(order, "repeated")
        if known is None:
            amount = min(self.price.amount, order.payment.amount)
            known = Reversal(
                order.id, self.key, *order.scope, self.kind, amount, "done", state.now_us
            )
        working_set.keep_reversal(replace(known, status="failed"))
        if not order.is_settled:
            return Settled(order, "applied", f"refund {self.key} failed before the payment")
        return Settled(settle_reversals(state, order), "applied")


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseDispute(OnOrder):
    """A dispute ended; a won one gives the credit back."""

    key: str
    is_won: bool

    def apply(self, state: BatchState, order: Order) -> Settled:
        working_set = state.working_set(OrderWorkingSet)
        known = working_set.reversal(order.id, self.key)
        if known is not None and known.status != "open":
            return Settled(order, "repeated")
        if known is None:
            # Told before the dispute itself: the row says how that one ended.
            known = Reversal(order.id, self.key, *order.scope, "dispute", 0, "open", state.now_us)
        working_set.keep_reversal(replace(known, status="won" if self.is_won else "lost"))
        if not order.is_settled:
            return Settled(order, "applied", f"dispute {self.key} before the payment")
        return Settled(settle_reversals(state, order), "applied")


def settle_reversals(state: BatchState, order: Order) -> Order:
    """A settled order, with its credit and its state brought to what is gone of its payment."""
    working_set = state.working_set(OrderWorkingSet)
    told = working_set.reversals(order.id)
    gone_amount = gone.gone_of(told, order.payment.amount)
    due = due_micros(order, gone_amount)
    status = _status(order, told, gone_amount)
    if (status, gone_amount, due) == (order.status, order.refunded_amount, order.reversed_micros):
        return order
    if due > order.reversed_micros:
        changed = _take_back(state, order, due - order.reversed_micros)
    elif due < order.reversed_micros:
        changed = _give_back(state, order, order.reversed_micros - due)
    else:
        changed = order
    changed = amend(changed, refunded_amount=gone_amount, reversed_micros=due)
    if status != changed.status:
        changed = move(changed, status)
    working_set.change(changed)
    state.publish(order.scope, "order.refunded", changed.shape(), order.reference)
    return changed


def other_currency(what: str, key: str, told: Price, paid: Price) -> Problem:
    """A refund or dispute that is not in the payment's currency."""
    sentence = f"{what} {key} in {told.currency}, not {paid.currency}"
    return Problem("refund", sentence, f"an amount in {paid.currency}", in_words(told))


def _status(order: Order, told: Sequence[Reversal], gone_amount: int) -> Status:
    if any(one.status == "open" and one.amount for one in told):
        return "disputed"
    if gone_amount == 0:
        return "paid"
    return "refunded" if gone_amount >= order.payment.amount else "partially_refunded"


def _take_back(state: BatchState, order: Order, micros: int) -> Order:
    """Credit goes back to where it was sold from and given from: PROVIDER and PROMOTION."""
    before_micros = state.ledger.balance_micros(order.scope, state.now_us)
    owed, wallet, grant = _sources(state, order)
    by_grant = 0 if grant is None else min(micros, grant.balance_micros)
    by_wallet = min(micros - by_grant, wallet.balance_micros)
    sides = [(owed, micros - by_grant - by_wallet), (wallet, by_wallet)]
    if grant is not None:
        sides.append((grant, by_grant))
    # A grant returns to PROMOTION, purchased credit to PROVIDER, while each has room: neither is
    # given back more than it gave.
    promotional_room = order.promotional_micros - order.reversed_promotional_micros
    reversed_purchased = order.reversed_micros - order.reversed_promotional_micros
    purchased_room = order.credits_micros - order.promotional_micros - reversed_purchased
    to_provider = min(micros - min(by_grant, promotional_room), purchased_room)
    to_promotion = micros - to_provider
    targets = _origins(state, order, to_provider, to_promotion)
    for debit, credit, part in _paired(sides, targets):
        state.move(debit, credit, part, Code.PURCHASE_REVERSAL, subject_id=order.id)
    state.note_fall(order.scope, before_micros)
    return amend(
        order,
        reversed_promotional_micros=order.reversed_promotional_micros + to_promotion,
        reversed_grant_micros=order.reversed_grant_micros + by_grant,
    )


def _give_back(state: BatchState, order: Order, micros: int) -> Order:
    """The last taken comes back first, to where it was taken; what is owed is paid before."""
    owed, wallet, grant = _sources(state, order)
    to_owed = min(micros, owed.balance_micros)
    from_elsewhere = order.reversed_micros - order.reversed_grant_micros
    returned_elsewhere = min(micros, from_elsewhere)
    to_wallet = max(0, returned_elsewhere - to_owed)
    sides = [(owed, to_owed), (wallet, to_wallet)]
    if grant is not None:
        sides.append((grant, micros - to_owed - to_wallet))
    by_provider = min(micros, order.reversed_micros - order.reversed_promotional_micros)
    by_promotion = micros - by_provider
    origins = _origins(state, order, by_provider, by_promotion)
    for credit, debit, part in _paired(sides, origins):
        state.move(debit, credit, part, Code.REVERSAL_UNDONE, subject_id=order.id)
    return amend(
        order,
        reversed_promotional_micros=order.reversed_promotional_micros - by_promotion,
        reversed_grant_micros=order.reversed_grant_micros - (micros - returned_elsewhere),
    )


def _sources(
    state: BatchState, order: Order
) -> tuple[LedgerAccount, LedgerAccount, LedgerAccount | None]:
    """What the account owes, its wallet, and the order's own grant where it has one."""
    ledger = state.ledger
    grant = ledger.account(order.scope, Kind.GRANT, order.id) if order.promotional_micros else None
    owed = ledger.standing(order.scope).owed
    return owed, ledger.standing(order.scope).wallet, grant


def _origins(state: BatchState, order: Order, provider: int, promotion: int) -> list[Part]:
    """PROVIDER and PROMOTION with a part of each; those without one are left out."""
    ledger = state.ledger
    parts = []
    if provider:
        parts.append((ledger.account(order.scope, Kind.PROVIDER, order.provider), provider))
    if promotion:
        parts.append((ledger.account(order.scope, Kind.PROMOTION), promotion))
    return parts


def _paired(
    left: Sequence[Part], right: Sequence[Part]
) -> list[tuple[LedgerAccount, LedgerAccount, int]]:
    """Parts of two lists of one sum, matched in their order."""
    assert sum(part for _, part in left) == sum(part for _, part in right)
    pairs = []
    waiting = [(account, part) for account, part in right if part]
    for account, amount in left:
        rest = amount
        while rest:
            other, available = waiting.pop(0)
            part = min(rest, available)
            pairs.append((account, other, part))
            rest -= part
            if available > part:
                waiting.insert(0, (other, available - part))
    return pairs
