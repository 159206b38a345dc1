"""Take sold credit back when its payment is returned, and give it back if the money comes back.

At most the given credit is taken, and no balance becomes negative. The sale's promotional grant pays first, then
the wallet, and the rest becomes a debt. Credit that is given back pays debts first, and then returns to where it
was taken from.

While a refund is open, the credit that it takes back is held and can't be spent. When the provider reports the
outcome, one transaction ends the hold and takes the credit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Self

from msgspec.structs import replace as with_fields

from billing.engine.batch_state import BatchState
from billing.ledger.ledger import Code, LedgerAccount, LedgerAccountKind
from billing.orders.refund import Refund, Refunds, Reversals, Reversed, move
from billing.providers.protocol import Refunded, RefundFailed
from kernel.tenant import Tenant

ReversalPart = tuple[LedgerAccount, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class SoldCredit:
    """Credit that was sold. `promotional_micros` went into the grant with the sale's ID.

    Of the credit taken back, `reversed_promotional_micros` went to PROMOTION and the rest to PROVIDER.
    `reversed_grant_micros` came from the grant.
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
        """Take or return credit until `due_micros` are taken back in total.

        A drop of the balance is measured from `before_micros`.
        """
        if due_micros > self.reversed_micros:
            micros = due_micros - self.reversed_micros
            changed = self._take_back(state, micros, before_micros)
        elif due_micros < self.reversed_micros:
            changed = self._give_back(state, self.reversed_micros - due_micros)
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

    def _give_back(self, state: BatchState, micros: int) -> Self:
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

    The refund's hold is used first, and then set again, as far as there is credit.
    """
    # If a dispute took the credit of an open refund and is then won, the refund holds the credit again.
    holding = refunds.holding(sold.id) or refunds.open_of(sold.id)
    if holding is None:
        return sold.brought_to(state, due_micros)
    if (due_micros, wanted_micros) == (sold.reversed_micros, holding.held_micros):
        return sold
    before_micros = state.ledger.balance_micros(sold.tenant, state.now_us)
    sold.release(state, holding.held_micros, holding.held_grant_micros, holding.id)
    emptied = with_fields(holding, held_micros=0, held_grant_micros=0)
    refunds.keep(emptied)
    taken = sold.brought_to(state, due_micros, before_micros=before_micros)
    if wanted_micros:
        set_aside(state, taken, refunds, emptied, wanted_micros)
    return taken


def set_aside(
    state: BatchState, sold: SoldCredit, refunds: Refunds, refund: Refund, micros: int
) -> Refund:
    held, by_grant = sold.set_aside(state, micros, refund.id)
    changed = with_fields(refund, held_micros=held, held_grant_micros=by_grant)
    refunds.keep(changed)
    return changed


def follow(
    state: BatchState, refunds: Refunds, reversals: Reversals, owner_id: str, fact: Reversed
) -> Refund | None:
    ours = refunds.told_of(owner_id, fact)
    if ours is None or not isinstance(fact, Refunded | RefundFailed):
        return None
    for key in {ours.id, ours.key} - {fact.key}:
        end_reversal(reversals, owner_id, key, "replaced")
    if fact.key != ours.id:
        ours = with_fields(ours, provider_refund_id=fact.key)
    if isinstance(fact, RefundFailed):
        moved = move(ours, "failed", now_us=state.now_us, detail="the money came back")
    elif fact.is_pending:
        moved = move(ours, "pending", now_us=state.now_us)
    else:
        moved = move(ours, "succeeded", now_us=state.now_us)
    if isinstance(fact, Refunded) and _is_failed(reversals, owner_id, fact.key):
        moved = move(ours, "failed", now_us=state.now_us, detail="the money came back")
    if moved != refunds.find(owner_id, moved.id):
        refunds.keep(moved)
    return moved


def end_reversal(
    reversals: Reversals, owner_id: str, key: str, status: Literal["failed", "replaced"]
) -> None:
    known = reversals.find(owner_id, key)
    if known is not None:
        reversals.keep(with_fields(known, status=status))


def _is_failed(reversals: Reversals, owner_id: str, key: str) -> bool:
    known = reversals.find(owner_id, key)
    return known is not None and known.status == "failed"
