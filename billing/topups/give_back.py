"""Return a top-up's funds and its share of its key's limits.

A cancelled, failed or reversed top-up frees its amount in each limit. The hourly count of sends
stays, so that a loop of sends and cancellations ends.
"""

from collections.abc import Sequence

from billing.engine.batch_state import BatchState
from billing.ledger.ledger import Code, LedgerAccount, LedgerAccountKind, Transfer
from billing.ledger.money import MICROS_PER_CENT
from billing.topups.topup import TopUp
from billing.topups.working_set import topups_of

# Takes a supplier's place until the decision.
BY_APPROVAL = "approval"


def give_back(
    state: BatchState,
    topup: TopUp,
    *,
    source: LedgerAccount | None = None,
    code: Code = Code.TOPUP_REFUND,
) -> None:
    """Return each part of the funds to where it came from, and free the caps' windows. source: where the
    amount is, when the fee is earned; None: both are held.
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
    # A batch's top-up without an approval yet wasn't counted as unapproved either.
    if topups.approval_of(topup.id) is None and topup.fulfilment != BY_APPROVAL:
        spending.give_back_unasked(tenant.account_id, topup.spent_by, charged_micros, sent_at)


def _draw_back(
    state: BatchState, topup: TopUp, source: LedgerAccount, parts: Sequence[Transfer], code: Code
) -> None:
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
