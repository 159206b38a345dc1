"""Check on a snapshot, before any charge, whether what a payment is for could be sent now."""

from dataclasses import dataclass

from billing.engine.batch_state import BatchState, ReadSet
from billing.ledger.ledger import Code, LedgerAccountKind
from billing.ledger.money import MICROS_PER_CENT
from billing.machine_payments.payment import MachinePayment
from billing.topups.send import Send


@dataclass(frozen=True, slots=True)
class PaidRehearsal:
    """Credits and sends as a payment would, and writes nothing. Raises the refusal of a send."""

    payment: MachinePayment
    send: Send

    def declare(self, read_set: ReadSet) -> None:
        self.send.declare(read_set)
        read_set.places.add(
            (*self.payment.tenant, LedgerAccountKind.PROVIDER, self.payment.protocol)
        )

    def decide(self, state: BatchState) -> None:
        tenant = self.payment.tenant
        source = state.ledger.account(tenant, LedgerAccountKind.PROVIDER, self.payment.protocol)
        wallet = state.ledger.wallet(tenant)
        micros = self.payment.charged_cents * MICROS_PER_CENT
        state.move(source, wallet, micros, Code.PURCHASE, subject_id=self.payment.id)
        self.send.decide(state)
