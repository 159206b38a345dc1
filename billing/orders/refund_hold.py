"""What our refund changes: the hold on its credit, and its state after the provider's word.

Credit to be taken back can't be spent from the request on. In the transaction of the provider's word the hold
ends and the reversal takes the credit: nothing is taken twice, nothing is free in between.
"""

from typing import Literal

from msgspec.structs import replace

from billing.engine.batch_state import BatchState
from billing.orders.refund import Reversals, Reversed
from billing.orders.refund_row import Refund, Refunds, move
from billing.orders.sold_credit import SoldCredit
from billing.providers.protocol import Refunded, RefundFailed


def brought(
    state: BatchState, sold: SoldCredit, refunds: Refunds, due_micros: int, wanted_micros: int
) -> SoldCredit:
    """Return the sale with due_micros taken back in all, and its hold at wanted_micros. A refund's hold pays
    first, then holds again what is to come, as far as there is credit.
    """
    # An open one whose credit went to a dispute holds it again if that is won.
    holding = refunds.holding(sold.id) or refunds.open_of(sold.id)
    if holding is None:
        return sold.brought_to(state, due_micros)
    if (due_micros, wanted_micros) == (sold.reversed_micros, holding.held_micros):
        return sold
    before_micros = state.ledger.balance_micros(sold.tenant, state.now_us)
    sold.release(state, holding.held_micros, holding.held_grant_micros, holding.id)
    emptied = replace(holding, held_micros=0, held_grant_micros=0)
    refunds.keep(emptied)
    taken = sold.brought_to(state, due_micros, before_micros=before_micros)
    if wanted_micros:
        set_aside(state, taken, refunds, emptied, wanted_micros)
    return taken


def set_aside(
    state: BatchState, sold: SoldCredit, refunds: Refunds, refund: Refund, micros: int
) -> Refund:
    held, by_grant = sold.set_aside(state, micros, refund.id)
    changed = replace(refund, held_micros=held, held_grant_micros=by_grant)
    refunds.keep(changed)
    return changed


def follow(
    state: BatchState, refunds: Refunds, reversals: Reversals, owner_id: str, fact: Reversed
) -> Refund | None:
    ours = refunds.told_of(owner_id, fact)
    if ours is None or not isinstance(fact, Refunded | RefundFailed):
        return None
    for key in {ours.id, ours.key} - {fact.key}:
        # It counted under our ID, or under what an operator wrote.
        end_reversal(reversals, owner_id, key, "replaced")
    if fact.key != ours.id:
        ours = replace(ours, provider_refund_id=fact.key)
    if isinstance(fact, RefundFailed):
        moved = move(ours, "failed", now_us=state.now_us, detail="the money came back")
    elif fact.is_pending:
        moved = move(ours, "pending", now_us=state.now_us)
    else:
        moved = move(ours, "succeeded", now_us=state.now_us)
    if isinstance(fact, Refunded) and _is_failed(reversals, owner_id, fact.key):
        # Reported late: its failure came first.
        moved = move(ours, "failed", now_us=state.now_us, detail="the money came back")
    if moved != refunds.find(owner_id, moved.id):
        refunds.keep(moved)
    return moved


def end_reversal(
    reversals: Reversals, owner_id: str, key: str, status: Literal["failed", "replaced"]
) -> None:
    known = reversals.find(owner_id, key)
    if known is not None:
        reversals.keep(replace(known, status=status))


def _is_failed(reversals: Reversals, owner_id: str, key: str) -> bool:
    known = reversals.find(owner_id, key)
    return known is not None and known.status == "failed"
