"""Take sold credit back when its payment is returned, and apply refunds and disputes to an order.

Only credit that was sold is taken back, and no balance becomes negative. The sale's promotional grant pays first, then
the wallet. The rest becomes a debt. Credit that is given back pays debts first, and then returns to where it was taken
from.

While a refund is open, the credit that it takes back is held and can't be spent. When the provider reports the outcome,
one transaction ends the hold and takes the credit.

If part of a payment is returned, the same part of the credit is taken back, rounded up. If an uncredited payment is
returned, no credit moves.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, NamedTuple, Self

from msgspec.structs import replace as with_fields

from billing.engine.batch_state import BatchState, ReadSet
from billing.ledger.ledger import Code, LedgerAccount, LedgerAccountKind
from billing.ledger.price import Price
from billing.orders.order import REASON_CHARACTERS_MAX, Order, OrderStatus, amend, due_micros, move
from billing.orders.refund import (
    Refund,
    Refunds,
    Reversal,
    Reversals,
    Reversed,
    SaleWorkingSet,
    blank_of,
    change_of,
    kind_of,
    move as move_refund,
    returned_of,
)
from billing.orders.working_set import OrderWorkingSet
from billing.providers.event_log import NotificationOutcome, NotificationRef, Problem, in_words
from billing.providers.protocol import DisputeClosed, Disputed, Refunded, RefundFailed
from billing.recharges.recharge import note_dispute, note_unpaid
from kernel.errors import NotFound
from kernel.tenant import Tenant

ReversalPart = tuple[LedgerAccount, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class SoldCredit:
    """Credit that was sold. `promotional_micros` went into the grant with the sale's ID.

    - reversed_micros: how much was taken back.
    - reversed_promotional_micros: the part of reversed_micros that went to PROMOTION. The rest went to PROVIDER.
    - reversed_grant_micros: the part of reversed_micros that came from the grant.
    """

    id: str
    tenant: Tenant
    provider: str
    credits_micros: int
    promotional_micros: int = 0
    reversed_micros: int = 0
    reversed_promotional_micros: int = 0
    reversed_grant_micros: int = 0

    def brought_to(
        self, state: BatchState, due_micros: int, *, before_micros: int | None = None
    ) -> Self:
        """Take or return credit so that `due_micros` are taken back in total.

        `before_micros` is the balance from which a drop is measured.
        """
        if due_micros > self.reversed_micros:
            micros = due_micros - self.reversed_micros
            changed = self._take_back(state, micros, before_micros)
        elif due_micros < self.reversed_micros:
            changed = self._return_credit(state, self.reversed_micros - due_micros)
        else:
            changed = self
        return replace(changed, reversed_micros=due_micros)

    def available_micros(self, state: BatchState) -> int:
        _, wallet, grant = self._sources(state)
        return wallet.balance_micros + (0 if grant is None else grant.balance_micros)

    def set_aside(self, state: BatchState, micros: int, refund_id: str) -> tuple[int, int]:
        """Hold at most `micros`. Return how much was held, and how much of it came from the grant."""
        _, wallet, grant = self._sources(state)
        held = state.ledger.held(self.tenant)
        by_grant = 0 if grant is None else min(micros, grant.balance_micros)
        by_wallet = min(micros - by_grant, wallet.balance_micros)
        for source, part in ((grant, by_grant), (wallet, by_wallet)):
            if source is not None and part:
                state.move(source, held, part, Code.REFUND_HOLD, subject_id=refund_id)
        return by_grant + by_wallet, by_grant

    def release(self, state: BatchState, micros: int, grant_micros: int, refund_id: str) -> None:
        owed, wallet, grant = self._sources(state)
        held = state.ledger.held(self.tenant)
        to_grant = 0 if grant is None else grant_micros
        to_owed = min(micros - to_grant, owed.balance_micros)
        sides = ((grant, to_grant), (owed, to_owed), (wallet, micros - to_grant - to_owed))
        for side, part in sides:
            if side is not None and part:
                state.move(held, side, part, Code.REFUND_RELEASE, subject_id=refund_id)

    def _take_back(self, state: BatchState, micros: int, before_micros: int | None) -> Self:
        if before_micros is None:
            before_micros = state.ledger.balance_micros(self.tenant, state.now_us)
        owed, wallet, grant = self._sources(state)
        by_grant = 0 if grant is None else min(micros, grant.balance_micros)
        by_wallet = min(micros - by_grant, wallet.balance_micros)
        sides = [(owed, micros - by_grant - by_wallet), (wallet, by_wallet)]
        if grant is not None:
            sides.append((grant, by_grant))
        # Granted credit returns to PROMOTION and purchased credit to PROVIDER. Neither gets more than it gave.
        promotional_room = self.promotional_micros - self.reversed_promotional_micros
        reversed_purchased = self.reversed_micros - self.reversed_promotional_micros
        purchased_room = self.credits_micros - self.promotional_micros - reversed_purchased
        to_provider = min(micros - min(by_grant, promotional_room), purchased_room)
        to_promotion = micros - to_provider
        for debit, credit, part in _paired(sides, self._origins(state, to_provider, to_promotion)):
            state.move(debit, credit, part, Code.PURCHASE_REVERSAL, subject_id=self.id)
        state.record_drop(self.tenant, before_micros, calls_for_recharge=False)
        return replace(
            self,
            reversed_promotional_micros=self.reversed_promotional_micros + to_promotion,
            reversed_grant_micros=self.reversed_grant_micros + by_grant,
        )

    def _return_credit(self, state: BatchState, micros: int) -> Self:
        owed, wallet, grant = self._sources(state)
        to_owed = min(micros, owed.balance_micros)
        from_elsewhere = self.reversed_micros - self.reversed_grant_micros
        returned_elsewhere = min(micros, from_elsewhere)
        to_wallet = max(0, returned_elsewhere - to_owed)
        sides = [(owed, to_owed), (wallet, to_wallet)]
        if grant is not None:
            sides.append((grant, micros - to_owed - to_wallet))
        by_provider = min(micros, self.reversed_micros - self.reversed_promotional_micros)
        by_promotion = micros - by_provider
        for credit, debit, part in _paired(sides, self._origins(state, by_provider, by_promotion)):
            state.move(debit, credit, part, Code.REVERSAL_UNDONE, subject_id=self.id)
        return replace(
            self,
            reversed_promotional_micros=self.reversed_promotional_micros - by_promotion,
            reversed_grant_micros=self.reversed_grant_micros - (micros - returned_elsewhere),
        )

    def _sources(
        self, state: BatchState
    ) -> tuple[LedgerAccount, LedgerAccount, LedgerAccount | None]:
        ledger = state.ledger
        grant = (
            ledger.account(self.tenant, LedgerAccountKind.GRANT, self.id)
            if self.promotional_micros
            else None
        )
        owed = ledger.owed(self.tenant)
        return owed, ledger.wallet(self.tenant), grant

    def _origins(self, state: BatchState, provider: int, promotion: int) -> list[ReversalPart]:
        parts = []
        if provider:
            source = state.ledger.account(self.tenant, LedgerAccountKind.PROVIDER, self.provider)
            parts.append((source, provider))
        if promotion:
            parts.append(
                (state.ledger.account(self.tenant, LedgerAccountKind.PROMOTION), promotion)
            )
        return parts


def _paired(
    left: Sequence[ReversalPart], right: Sequence[ReversalPart]
) -> list[tuple[LedgerAccount, LedgerAccount, int]]:
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


def brought(
    state: BatchState, sold: SoldCredit, refunds: Refunds, due_micros: int, wanted_micros: int
) -> SoldCredit:
    """Take back `due_micros` in total, and hold `wanted_micros` for an open refund.

    The refund's hold is first released, and then placed again on as much credit as is left.
    """
    # A dispute may take an open refund's credit. If the dispute is won, the refund holds that credit again.
    holding = refunds.holding(sold.id) or refunds.open_of(sold.id)
    if holding is None:
        return sold.brought_to(state, due_micros)
    if (due_micros, wanted_micros) == (sold.reversed_micros, holding.held_micros):
        return sold
    before_micros = state.ledger.balance_micros(sold.tenant, state.now_us)
    sold.release(state, holding.held_micros, holding.held_grant_micros, holding.id)
    emptied = with_fields(holding, held_micros=0, held_grant_micros=0)
    refunds.save(emptied)
    taken = sold.brought_to(state, due_micros, before_micros=before_micros)
    if wanted_micros:
        set_aside(state, taken, refunds, emptied, wanted_micros)
    return taken


def set_aside(
    state: BatchState, sold: SoldCredit, refunds: Refunds, refund: Refund, micros: int
) -> Refund:
    held, by_grant = sold.set_aside(state, micros, refund.id)
    changed = with_fields(refund, held_micros=held, held_grant_micros=by_grant)
    refunds.save(changed)
    return changed


class TakenFact(NamedTuple):
    """The effect of a provider's report on the stored reversal and on our refund. `problem` is for an operator."""

    known: Reversal | None
    changed: Reversal | None = None
    ours: Refund | None = None
    problem: Problem | None = None

    @property
    def outcome(self) -> NotificationOutcome:
        if self.changed is not None:
            return "applied"
        return "ignored" if self.known is None and self.ours is None else "repeated"


def take_fact(
    state: BatchState,
    sale: SaleWorkingSet,
    owner_id: str,
    tenant: Tenant,
    paid: Price,
    fact: Reversed,
) -> TakenFact:
    """Record a refund or dispute of an order, a period or an uncredited payment. The caller moves the credit."""
    known = sale.reversals.find(owner_id, fact.key)
    blank = blank_of(fact, owner_id, tenant, state.now_us)
    changed = change_of(fact, known, blank, paid)
    if isinstance(changed, Problem):
        return TakenFact(known, problem=changed)
    ours = follow(state, sale.refunds, sale.reversals, owner_id, fact)
    if changed is not None:
        sale.reversals.save(changed)
    return TakenFact(known, changed, ours)


def follow(
    state: BatchState, refunds: Refunds, reversals: Reversals, owner_id: str, fact: Reversed
) -> Refund | None:
    ours = refunds.refund_of(owner_id, fact)
    if ours is None or not isinstance(fact, Refunded | RefundFailed):
        return None
    for key in {ours.id, ours.key} - {fact.key}:
        end_reversal(reversals, owner_id, key, "replaced")
    if fact.key != ours.id:
        ours = with_fields(ours, provider_refund_id=fact.key)
    if isinstance(fact, RefundFailed):
        moved = move_refund(ours, "failed", now_us=state.now_us, detail="the money came back")
    elif fact.is_pending:
        moved = move_refund(ours, "pending", now_us=state.now_us)
    else:
        moved = move_refund(ours, "succeeded", now_us=state.now_us)
    if isinstance(fact, Refunded) and _is_failed(reversals, owner_id, fact.key):
        moved = move_refund(ours, "failed", now_us=state.now_us, detail="the money came back")
    if moved != refunds.find(owner_id, moved.id):
        refunds.save(moved)
    return moved


def end_reversal(
    reversals: Reversals, owner_id: str, key: str, status: Literal["failed", "replaced"]
) -> None:
    known = reversals.find(owner_id, key)
    if known is not None:
        reversals.save(with_fields(known, status=status))


def _is_failed(reversals: Reversals, owner_id: str, key: str) -> bool:
    known = reversals.find(owner_id, key)
    return known is not None and known.status == "failed"


def is_uncredited(order: Order) -> bool:
    """Return whether the order has an uncredited payment. A plan's payments belong to its periods, not to the order."""
    is_closed = order.status in {"review", "failed"}
    return is_closed and order.payment_id is not None and order.kind != "subscription"


def sent_back(order: Order, refunds: Sequence[Refund]) -> int:
    """Return how much money our own refunds returned. Refunds made elsewhere are left out."""
    done = sum(one.amount for one in refunds if one.status == "succeeded")
    return min(done, order.payment.amount)


def follow_refund(state: BatchState, order: Order) -> Order:
    working_set = state.working_set(OrderWorkingSet)
    refunds = working_set.refunds.of(order.id)
    gone = returned_of(working_set.reversals.of(order.id), order.payment.amount)
    is_back = gone >= order.payment.amount
    if not is_uncredited(order) or any(one.is_open for one in refunds):
        return order
    if order.status == "review" and is_back:
        working_set.resolve(order.id)
        reason = f"{in_words(order.payment)} went back: {order.reason or 'refunded'}"
        return end_unpaid(state, amend(order, refunded_amount=gone), "failed", reason)
    if order.status == "failed" and not is_back and _failed_last(refunds):
        reclaim(state, order)
        reason = f"a refund of {in_words(order.payment)} failed: the money is here"
        return _changed(state, move(order, "review", reason=reason, refunded_amount=0))
    if order.status == "failed" and gone != order.refunded_amount:
        return _changed(state, amend(order, refunded_amount=gone))
    return order


def worth_of(micros: int, paid_amount: int, returned_amount: int) -> int:
    """Return the credit for a whole payment. `micros` is the credit for the part that wasn't returned."""
    left = paid_amount - returned_amount
    return micros if left <= 0 else -(-micros * paid_amount // left)


def _failed_last(refunds: Sequence[Refund]) -> bool:
    return bool(refunds) and max(refunds, key=lambda one: one.ended_at or 0).status == "failed"


def _changed(state: BatchState, order: Order) -> Order:
    state.working_set(OrderWorkingSet).change(order)
    return order


_OF_DISPUTE: Final[Mapping[str, tuple[str, str]]] = {
    "open": ("disputed", "dispute"),
    "lost": ("dispute_lost", "the dispute was lost"),
}


@dataclass(frozen=True, slots=True)
class OrderResult:
    order: Order
    outcome: NotificationOutcome
    detail: str = ""
    problem: Problem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OnOrder(ABC):
    """A command on an order. `notification` is None if the gateway itself issued the command. A notification from
    another provider is refused.
    """

    order_id: str
    tenant: Tenant
    notification: NotificationRef | None

    def declare(self, read_set: ReadSet) -> None:
        read_set.tenants.add(self.tenant)
        read_set.working_set(OrderWorkingSet).ids.add(self.order_id)

    def decide(self, state: BatchState) -> OrderResult:
        working_set = state.working_set(OrderWorkingSet)
        order = working_set.find(self.order_id, self.tenant)
        if self.notification is not None and self.notification.environment != order.environment:
            raise NotFound("Order", param="id")
        if self.notification is not None and self.notification.provider != order.provider:
            detail = f"{self.notification.provider} speaks of an order at {order.provider}"
            problem = Problem("other_provider", detail, order.provider, self.notification.provider)
            settled = OrderResult(order, "refused", detail, problem)
        else:
            settled = self.apply(state, order)
        became = (settled.outcome, settled.detail, state.now_us, settled.problem)
        working_set.note(self.notification, (order.account_id, order.id), *became)
        return settled

    @abstractmethod
    def apply(self, state: BatchState, order: Order) -> OrderResult: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ReverseOrder(OnOrder):
    fact: Reversed

    def apply(self, state: BatchState, order: Order) -> OrderResult:
        working_set, key = state.working_set(OrderWorkingSet), self.fact.key
        before = working_set.refunds.refund_of(order.id, self.fact)
        taken = take_fact(state, working_set, order.id, order.tenant, order.payment, self.fact)
        is_new = taken.known is None and taken.changed is not None
        self._note_dispute(state, order, is_new=is_new)
        if taken.problem is not None:
            return OrderResult(order, "review", taken.problem.sentence, taken.problem)
        is_same = not order.is_settled and taken.ours == before
        if taken.changed is None and (taken.ours is None or is_same):
            return OrderResult(order, "ignored" if taken.known is None else "repeated")
        if taken.ours is not None and is_uncredited(order):
            after = follow_refund(state, order)
            return OrderResult(after, "applied", f"refund {key} of what credited nothing")
        if not order.is_settled:
            is_failed = isinstance(self.fact, RefundFailed)
            what = f"refund {key} failed" if is_failed else f"{kind_of(self.fact)} {key}"
            return OrderResult(order, "applied", f"{what} before the payment")
        dispute = dispute_of(self.fact, taken.changed)
        after = apply_reversals(state, order, reason_of(self.fact, taken.ours), dispute)
        return OrderResult(after, taken.outcome)

    def _note_dispute(self, state: BatchState, order: Order, *, is_new: bool) -> None:
        if is_against_us(self.fact):
            recharges = state.working_set(OrderWorkingSet).recharges
            note_dispute(state, recharges, order.id, is_new=is_new)


def is_against_us(fact: Reversed) -> bool:
    if isinstance(fact, DisputeClosed):
        return not fact.is_won
    return isinstance(fact, Disputed) and (fact.note is None or not fact.note.is_over)


def reason_of(fact: Reversed, ours: Refund | None) -> str:
    if isinstance(fact, DisputeClosed) and fact.is_won:
        return "the dispute was won"
    if isinstance(fact, RefundFailed):
        return "the refund failed"
    if ours is not None:
        return ours.reason
    return "dispute" if kind_of(fact) == "dispute" else "refund at the provider"


def dispute_of(fact: Reversed, changed: Reversal | None) -> Reversal | None:
    """Return the dispute to report, or None if it took no money."""
    if changed is None or changed.kind != "dispute" or not changed.amount:
        return None
    return None if changed.status == "won" and isinstance(fact, Disputed) else changed


def apply_reversals(
    state: BatchState, order: Order, reason: str = "", dispute: Reversal | None = None
) -> Order:
    """Adjust a settled order's credit and state to the returned part of its payment.

    A plan's order doesn't change, because its periods hold the credit. `reason` is empty if the order was just settled.
    A new or ended `dispute` is reported even if no money moves.
    """
    if order.kind == "subscription":
        return order
    working_set = state.working_set(OrderWorkingSet)
    reversals = working_set.reversals.of(order.id)
    returned_amount = returned_of(reversals, order.payment.amount)
    due = due_micros(order, returned_amount)
    status = status_of(order, reversals, returned_amount)
    to_come = working_set.refunds.to_come(order.id, reversals)
    wanted = due_micros(order, returned_amount + to_come) - due
    taken = brought(state, sold_of(order), working_set.refunds, due, wanted)
    if (status, returned_amount, due) == (
        order.status,
        order.refunded_amount,
        order.reversed_micros,
    ):
        publish_returned(state, order, 0, reason, dispute)
        return order
    changed = amend(
        order,
        refunded_amount=returned_amount,
        reversed_micros=due,
        reversed_promotional_micros=taken.reversed_promotional_micros,
        reversed_grant_micros=taken.reversed_grant_micros,
    )
    if status != changed.status:
        changed = move(changed, status)
    working_set.change(changed)
    dispute = dispute if reason else _standing(reversals)
    publish_returned(state, changed, returned_amount - order.refunded_amount, reason, dispute)
    return changed


def _standing(reversals: Sequence[Reversal]) -> Reversal | None:
    by_status = {one.status: one for one in reversals if one.kind == "dispute" and one.amount}
    return by_status.get("open") or by_status.get("lost")


def publish_returned(
    state: BatchState, order: Order, amount: int, reason: str, dispute: Reversal | None = None
) -> None:
    """Publish an event about returned money or a dispute, if there is any.

    `amount` is how much more was returned, or negative if money came back.
    """
    if not amount and dispute is None:
        return
    what = name = "refunded" if amount > 0 else "restored"
    data = {**order.shape(), "refunded_total_cents": order.refunded_amount}
    if dispute is not None and dispute.status in _OF_DISPUTE:
        (what, reason), name = _OF_DISPUTE[dispute.status], "refunded"
        data |= {"dispute_id": dispute.key, "disputed_cents": dispute.amount}
    data |= {f"{name}_cents": abs(amount), "reason": reason}
    state.publish(order.tenant, f"order.{what}", data, order.reference)


def status_of(order: Order, reversals: Sequence[Reversal], returned_amount: int) -> OrderStatus:
    if any(one.status == "open" and one.amount for one in reversals):
        return "disputed"
    if returned_amount == 0:
        return "paid"
    return "refunded" if returned_amount >= order.payment.amount else "partially_refunded"


def sold_of(order: Order) -> SoldCredit:
    return SoldCredit(
        id=order.id,
        tenant=order.tenant,
        provider=order.provider,
        credits_micros=order.credits_micros,
        promotional_micros=order.promotional_micros,
        reversed_micros=order.reversed_micros,
        reversed_promotional_micros=order.reversed_promotional_micros,
        reversed_grant_micros=order.reversed_grant_micros,
    )


def end_unpaid(
    state: BatchState, order: Order, status: Literal["failed", "expired"], reason: str | None
) -> Order:
    shortened = None if reason is None else reason[:REASON_CHARACTERS_MAX]
    ended = move(order, status, reason=shortened)
    working_set = state.working_set(OrderWorkingSet)
    if order.coupon_id is not None:
        working_set.coupons.release(order.coupon_id, order.id, order.account_id)
    working_set.change(ended)
    state.publish(order.tenant, "order.failed", ended.shape(), order.reference)
    note_unpaid(state, working_set.recharges, order.id, shortened)
    return ended


def reclaim(state: BatchState, order: Order) -> None:
    if order.coupon_id is not None and order.status in {"failed", "expired"}:
        working_set = state.working_set(OrderWorkingSet)
        working_set.coupons.claim(order.coupon_id, order.id, order.account_id)
