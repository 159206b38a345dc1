"""Credit that an operator gives or takes away, with a reason that is kept.

Promise: each act has its entry in the audit log, in its own transaction; credit that is given is
purchased and pays debts first; of what is taken away no balance is ever negative.
"""

from dataclasses import dataclass

from billing.engine.audit_entries import AuditEntries
from billing.engine.batch_state import BatchState
from billing.engine.read_set import ReadSet
from billing.ledger.ledger import Code, InsufficientBalance, LedgerAccountKind
from billing.ledger.money import BALANCE_MICROS_MAX, MICROS_PER_CREDIT
from billing.topups.send_request import AmountOutOfRange
from kernel.errors import InvalidInput
from kernel.ids import new_id
from kernel.tenant import Tenant
from keys import audit_log
from keys.audit_log import Actor

CREDITS_MAX = 1_000_000_000
REASON_CHARACTERS_MAX = 500


@dataclass(frozen=True, slots=True)
class Adjusted:
    """credits as asked for, signed; the balance after it, in micros."""

    id: str
    tenant: Tenant
    credits: int
    reason: str
    balance_micros: int


@dataclass(frozen=True, slots=True)
class AdjustCredit:
    """The command of POST /admin/credits/manual; amount in credits, signed.

    Raises InsufficientBalance and AmountOutOfRange.
    """

    adjustment_id: str
    tenant: Tenant
    credits: int
    reason: str
    actor: Actor

    def declare(self, read_set: ReadSet) -> None:
        read_set.tenants.add(self.tenant)
        read_set.working_set(AuditEntries)
        read_set.places.add((*self.tenant, LedgerAccountKind.MANUAL, ""))
        read_set.places.add((*self.tenant, LedgerAccountKind.WITHDRAWN, ""))

    def decide(self, state: BatchState) -> Adjusted:
        before_micros = state.ledger.balance_micros(self.tenant, state.now_us)
        micros = abs(self.credits) * MICROS_PER_CREDIT
        if self.credits > 0:
            self._give(state, micros)
        else:
            self._take(state, micros)
            state.note_fall(self.tenant, before_micros)
        after_micros = state.ledger.balance_micros(self.tenant, state.now_us)
        entry = audit_log.entry(
            self.actor,
            "credit.adjust",
            environment=self.tenant.environment,
            account_id=self.tenant.account_id,
            subject_id=self.adjustment_id,
            before={"balance_micros": before_micros},
            after={"balance_micros": after_micros, "credits": self.credits},
            reason=self.reason,
            now_us=state.now_us,
        )
        state.working_set(AuditEntries).add(entry)
        return Adjusted(self.adjustment_id, self.tenant, self.credits, self.reason, after_micros)

    def _give(self, state: BatchState, micros: int) -> None:
        source = state.ledger.account(self.tenant, LedgerAccountKind.MANUAL)
        held = state.ledger.balance_micros(self.tenant, state.now_us)
        if max(held, source.balance_micros) + micros > BALANCE_MICROS_MAX:
            raise AmountOutOfRange("the account cannot hold so much credit", param="amount")
        state.credit(self.tenant, source, micros, Code.MANUAL, subject_id=self.adjustment_id)

    def _take(self, state: BatchState, micros: int) -> None:
        wallet = state.ledger.standing(self.tenant).wallet
        if wallet.balance_micros < micros:
            raise InsufficientBalance(
                "the wallet holds less purchased credit than that",
                extra={"purchased_credits": wallet.balance_micros // MICROS_PER_CREDIT},
            )
        withdrawn = state.ledger.account(self.tenant, LedgerAccountKind.WITHDRAWN)
        state.move(wallet, withdrawn, micros, Code.MANUAL, subject_id=self.adjustment_id)


def new_adjustment(tenant: Tenant, credit_count: int, reason: str, *, actor: Actor) -> AdjustCredit:
    """The command with a fresh id; raises InvalidInput for no amount and for no reason."""
    if credit_count == 0 or abs(credit_count) > CREDITS_MAX:
        raise InvalidInput(
            f"amount is 1 to {CREDITS_MAX} credits, or less than 0 to take away", param="amount"
        )
    said = reason.strip()
    if not said or len(said) > REASON_CHARACTERS_MAX:
        raise InvalidInput(f"say why, in 1 to {REASON_CHARACTERS_MAX} characters", param="reason")
    return AdjustCredit(new_id("adj"), tenant, credit_count, said, actor)
