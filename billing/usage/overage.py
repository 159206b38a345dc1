"""Capture above a hold's amount, if it was set aside with an `overage`.

`cap` charges nothing above the amount. `owe` charges the rest as the account's own use, within the key's caps
and the present credit, and the account owes what is missing. A capture is at most ten times the amount, which
bounds the debt when the hold is made.
"""

from typing import Final

from billing.engine.batch_state import BatchState
from billing.ledger.ledger import Code, LedgerAccountKind
from billing.topups.send import AmountOutOfRange
from billing.usage.hold import Hold

TIMES_MAX: Final = 10


def over_of(state: BatchState, hold: Hold, amount_micros: int) -> int:
    """Return the micros to charge beside the hold's amount for this capture. Raises AmountOutOfRange beyond
    what the hold allows, CapExceeded and AccountSuspended.
    """
    overage_micros = amount_micros - hold.amount_micros
    if overage_micros <= 0 or hold.overage == "cap":
        return 0
    if hold.overage is None:
        raise _out_of_range(hold, hold.amount_micros)
    if amount_micros > hold.amount_micros * TIMES_MAX:
        raise _out_of_range(hold, hold.amount_micros * TIMES_MAX)
    state.check_not_suspended(hold.tenant)
    ended = state.spending.end_of(hold.spent_by)
    if ended is not None:
        # The caps of its lineage can't be checked any more; a paused key spends nothing.
        reason = "key_paused" if ended == "paused" else "key_ended"
        raise _out_of_range(hold, hold.amount_micros, reason=reason)
    state.spending.check(hold.tenant, hold.spent_by, overage_micros)
    return overage_micros


def charge_over(state: BatchState, hold: Hold, overage_micros: int) -> None:
    """Take it from the wallet; the account owes what is missing."""
    tenant, code = hold.tenant, Code.USAGE_OVERAGE
    used = state.ledger.account(tenant, LedgerAccountKind.USED)
    there = min(overage_micros, state.sendable_micros(tenant, is_own_use=True))
    if there:
        state.take(tenant, there, to=used, code=code, subject_id=hold.id, is_own_use=True)
    if overage_micros > there:
        owed = state.ledger.owed(tenant)
        state.move(owed, used, overage_micros - there, code, subject_id=hold.id)
    state.spending.spend(tenant, hold.spent_by, overage_micros)


def _out_of_range(hold: Hold, max_micros: int, *, reason: str | None = None) -> AmountOutOfRange:
    return AmountOutOfRange(
        f"At most {max_micros} micros can be captured of this hold.",
        param="amount_micros",
        reason=reason,
        extra={"hold_id": hold.id, "max_micros": max_micros},
    )
