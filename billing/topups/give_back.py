"""Return what a top-up took: its funds, and what it counts in its key's limits.

Money returns to every limit that counted it: a cancelled, failed or reversed top-up leaves as much room as
before. The number of sends in an hour stays counted, so that a loop of sends and cancellations ends.
"""

from collections.abc import Sequence

from billing.engine.batch_state import BatchState
from billing.ledger.ledger import Code, LedgerAccount, LedgerAccountKind, Transfer
from billing.ledger.money import MICROS_PER_CENT
from billing.topups.topup import TopUp
from billing.topups.working_set import topups_of

# The fulfilment of a top-up that waits for an approval: no supplier until the decision.
BY_APPROVAL = "approval"


def give_back(
    state: BatchState,
    topup: TopUp,
    *,
    source: LedgerAccount | None = None,
    code: Code = Code.TOPUP_REFUND,
) -> None:
    """Return a top-up's funds to where each part came from, and its caps' windows.

    source: where its amount is, and then its fee was earned; None: both are held.
    """
    topups, tenant = topups_of(state), topup.tenant
    parts = topups.holds(topup.id)
    if source is None:
        held = state.ledger.held(tenant)
        for part in parts:
            came_from = state.ledger.by_id(part.debit_id)
            state.move(held, came_from, part.amount_micros, code, topup_id=topup.id)
    else:
        _draw_back(state, topup, source, parts, code)
    charged_micros = topup.charged_cents * MICROS_PER_CENT
    spending, sent_at = state.spending, topup.counted_at
    spending.give_back(
        tenant, topup.spent_by, charged_micros, sent_at, topup.counted_in, topup_id=topup.id
    )
    # A batch's top-up that has not asked for its approval yet wasn't counted as unapproved either.
    if topups.approval_of(topup.id) is None and topup.fulfilment != BY_APPROVAL:
        spending.give_back_unasked(tenant.account_id, topup.spent_by, charged_micros, sent_at)


def _draw_back(
    state: BatchState, topup: TopUp, source: LedgerAccount, parts: Sequence[Transfer], code: Code
) -> None:
    """Fill each part from the amount first, then from the fee; together they cover all parts."""
    lies = [(source, topup.amount_cents * MICROS_PER_CENT)]
    if topup.fee_cents:
        fees = state.ledger.account(topup.tenant, LedgerAccountKind.FEES)
        lies.append((fees, topup.fee_cents * MICROS_PER_CENT))
    for part in parts:
        came_from, wanted = state.ledger.by_id(part.debit_id), part.amount_micros
        while wanted:
            account, left = lies[0]
            drawn = min(wanted, left)
            state.move(account, came_from, drawn, code, topup_id=topup.id)
            wanted -= drawn
            lies[:1] = [(account, left - drawn)] if left > drawn else []
