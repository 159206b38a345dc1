"""Open, claim, end and refund machine payments.

A payment is ended only once, even if several processes handle it. One transaction credits a settled payment and sends
its top-up, or returns the money as a code. No transfer is credited twice.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from msgspec.structs import replace

from billing.credits.redemption_code import OneCode
from billing.engine.batch_state import AuditEntries, BatchState, ReadSet
from billing.engine.limit import LooksRepeated
from billing.ledger.ledger import Code, LedgerAccountKind
from billing.ledger.money import MICROS_PER_CENT
from billing.machine_payments.payment import (
    DETAIL_CHARACTERS_MAX,
    MACHINE_ACCOUNT,
    OPEN,
    REPEAT_GUARD_US,
    X402,
    MachinePayment,
    PaymentWorkingSet,
    check_same,
    pause_us,
    payments_of,
    without_private,
)
from billing.topups.send import Send
from billing.topups.working_set import TopUpWorkingSet, topups_of
from kernel.clock import rfc3339
from kernel.errors import DomainError, InvalidInput
from kernel.storable import storable
from kernel.tenant import Tenant
from keys.audit_log import AuditEntry

PaymentVerdict = Literal["settled", "refused", "unknown"]
_FAILED = frozenset({"failed", "cancelled", "reversed"})


class RefundCode(NamedTuple):
    digest: str
    last4: str
    sealed: str


class Claimed(NamedTuple):
    payment: MachinePayment
    is_ours: bool


@dataclass(frozen=True, slots=True)
class _OnPayment:
    payment: MachinePayment

    def declare(self, read_set: ReadSet) -> None:
        _lock(read_set, self.payment)
        read_set.working_set(PaymentWorkingSet).ids.add(self.payment.id)


@dataclass(frozen=True, slots=True)
class OpenPayment:
    payment: MachinePayment

    def declare(self, read_set: ReadSet) -> None:
        _lock(read_set, self.payment)
        read_set.working_set(PaymentWorkingSet).asked.append(self.payment)

    def decide(self, state: BatchState) -> Claimed:
        payments = payments_of(state)
        for found in payments.same_as(self.payment):
            check_same(found, self.payment.body_digest, self.payment.protocol)
            return Claimed(found, is_ours=False)
        self._check_repeated(payments, state.now_us)
        payments.add(self.payment)
        return Claimed(self.payment, is_ours=True)

    def _check_repeated(self, payments: PaymentWorkingSet, now_us: int) -> None:
        earlier = None
        if self.payment.protocol == X402 and not self.payment.request.distinct:
            earlier = payments.looks_like(self.payment, now_us)
        if earlier is not None:
            raise LooksRepeated(
                (
                    "This payer paid for the same platform, amount and recipient a moment ago, so nothing was charged"
                    " now. To send again, set `distinct` to true."
                ),
                param="distinct",
                reason="looks_repeated",
                extra={
                    "transaction_id": earlier.transaction_id,
                    "sent_at": rfc3339(earlier.created_at),
                    "resets_at": rfc3339(earlier.created_at + REPEAT_GUARD_US),
                },
            )


@dataclass(frozen=True, slots=True)
class ClaimPayment(_OnPayment):
    lease_us: int

    def decide(self, state: BatchState) -> Claimed:
        payments = payments_of(state)
        found = payments.find(self.payment.id)
        is_asked = found.lease_until is not None and found.lease_until > state.now_us
        if found.state not in OPEN or is_asked:
            return Claimed(found, is_ours=False)
        # If a lease wasn't released, its holder may already have settled the payment.
        is_lost = found.is_lost or found.lease_until is not None
        claimed = begun(
            replace(found, is_lost=is_lost), now_us=state.now_us, lease_us=self.lease_us
        )
        payments.change(claimed)
        return Claimed(claimed, is_ours=True)


@dataclass(frozen=True, slots=True)
class EndPayment(_OnPayment):
    """End a payment, or record that its outcome is still unknown.

    - settlement: the ID of the transfer on the network, or of the payment at the provider.
    - code: returns the money if the top-up can't be sent.
    - is_for_person: an operator must decide.
    - is_final: the refusal is valid even if an earlier response was lost.
    """

    verdict: PaymentVerdict
    detail: str | None
    settlement: str | None = None
    send: Send | None = None
    code: RefundCode | None = None
    is_lost: bool = False
    is_for_person: bool = False
    is_final: bool = False
    entry: AuditEntry | None = None

    def declare(self, read_set: ReadSet) -> None:
        _OnPayment.declare(self, read_set)
        if self.verdict == "settled" and self.settlement is not None:
            read_set.working_set(PaymentWorkingSet).settlements.add(self.settlement)
        read_set.working_set(AuditEntries)
        tenant = self.payment.tenant
        read_set.places.add((*tenant, LedgerAccountKind.PROVIDER, self.payment.protocol))
        read_set.places.add((*tenant, LedgerAccountKind.TRANSIT_OUT, ""))
        read_set.working_set(TopUpWorkingSet)
        if self.send is not None:
            self.send.declare(read_set)

    def decide(self, state: BatchState) -> MachinePayment:
        payments = payments_of(state)
        found = payments.find(self.payment.id)
        is_late = found.state == "refused" and self.verdict == "settled"
        if found.state not in OPEN and not is_late:
            return found
        if self.entry is not None:
            _check_unasked(found, state.now_us)
        if self.verdict == "settled":
            other = payments.settled_by(self.settlement, found)
            if other is not None:
                return self._refuse_reuse(state, found, other)
        if self.entry is not None:
            state.working_set(AuditEntries).add(self.entry)
        if is_late:
            return self._refund_late(state, found)
        detail = _stored(self.detail)
        if self.verdict == "settled":
            return self._settle(state, found)
        is_lost = found.is_lost or self.is_lost or self._is_overtaken(found)
        is_believed = self.is_final or self.entry is not None or not is_lost
        if self.verdict == "refused" and is_believed:
            ended = replace(found, state="refused", ended_at=state.now_us)
            return _changed(state, ended, detail=detail)
        next_at = None if self.is_for_person else state.now_us + pause_us(found.checks_made)
        settlement = self.settlement or found.settlement
        ended = replace(found, state="unknown", is_lost=is_lost, settlement=settlement)
        return _changed(state, ended, detail=detail, next_check_at=next_at)

    def _refuse_reuse(
        self, state: BatchState, found: MachinePayment, other: MachinePayment
    ) -> MachinePayment:
        said = f"Transaction {self.settlement} already settled payment {other.id}."
        if self.entry is not None:
            if found.protocol == X402:
                said += (
                    " If it holds another transfer for this payment, add the log index of that transfer:"
                    f" {self.settlement}:INDEX."
                )
            raise InvalidInput(said, param="settlement")
        detail = f"{said} The facilitator gave it for this payment too: look this one up."
        if found.state == "refused":
            return _changed(state, found, detail=detail)
        kept = replace(found, state="unknown", is_lost=True, settlement=self.settlement)
        return _changed(state, kept, detail=detail)

    def _is_overtaken(self, found: MachinePayment) -> bool:
        """Return whether another caller has claimed the payment in the meantime, and may have caused this refusal."""
        return found.checks_made != self.payment.checks_made

    def _settle(self, state: BatchState, found: MachinePayment) -> MachinePayment:
        settled = self._credit(state, found)
        tenant = found.tenant
        why = self._send(state)
        if why is not None:
            assert self.code is not None, "what is settled can be given back"
            return refund_as_code(state, settled, self.code, why)
        is_over = topups_of(state).find(found.transaction_id, tenant)
        ended_at = state.now_us if is_over is not None and is_over.settled_at else None
        return _changed(state, replace(settled, state="paid", ended_at=ended_at), detail=None)

    def _refund_late(self, state: BatchState, found: MachinePayment) -> MachinePayment:
        """Refund money that arrived after a refusal, because the payer may have paid again."""
        assert self.code is not None, "what is settled can be given back"
        why = "it was settled after it had been called refused"
        return refund_as_code(state, self._credit(state, found), self.code, why)

    def _credit(self, state: BatchState, found: MachinePayment) -> MachinePayment:
        tenant, ledger = found.tenant, state.ledger
        source = ledger.account(tenant, LedgerAccountKind.PROVIDER, found.protocol)
        micros = found.charged_cents * MICROS_PER_CENT
        wallet = ledger.wallet(tenant)
        state.move(source, wallet, micros, Code.PURCHASE, subject_id=found.id)
        return replace(found, settlement=self.settlement, settled_at=state.now_us)

    def _send(self, state: BatchState) -> str | None:
        if self.send is None:
            return self.detail or "what was paid for is not offered any more"
        try:
            sent = self.send.decide(state)
        except DomainError as refusal:
            return refusal.detail
        if sent.is_replay:
            return "the intent was paid for before"
        return sent.topup.failure_reason if sent.topup.status == "failed" else None


@dataclass(frozen=True, slots=True)
class EndDelivery(_OnPayment):
    code: RefundCode

    def declare(self, read_set: ReadSet) -> None:
        _OnPayment.declare(self, read_set)
        read_set.places.add((*self.payment.tenant, LedgerAccountKind.TRANSIT_OUT, ""))
        read_set.working_set(TopUpWorkingSet).ids.add(self.payment.transaction_id)

    def decide(self, state: BatchState) -> MachinePayment:
        found = payments_of(state).find(self.payment.id)
        topup = topups_of(state).find(found.transaction_id, found.tenant)
        if found.state != "paid" or found.ended_at is not None or topup is None:
            return found
        if topup.status in _FAILED:
            why = topup.failure_reason or f"the top-up was {topup.status}"
            return refund_as_code(state, found, self.code, why)
        if topup.settled_at is None:
            return found
        return _changed(state, replace(found, ended_at=state.now_us), detail=found.detail)


def _check_unasked(found: MachinePayment, now_us: int) -> None:
    if found.lease_until is not None and found.lease_until > now_us:
        raise InvalidInput(
            "The payment is being checked. Wait a minute, then try again.",
            param="payment_id",
        )


def begun(payment: MachinePayment, *, now_us: int, lease_us: int) -> MachinePayment:
    until = now_us + lease_us
    return replace(
        payment, checks_made=payment.checks_made + 1, lease_until=until, next_check_at=until
    )


def refund_as_code(
    state: BatchState, payment: MachinePayment, code: RefundCode, why: str
) -> MachinePayment:
    """Turn a payment's credit into a code for the payer.

    If the wallet holds less than that credit, the machine account owes the rest.
    """
    tenant, micros = payment.tenant, payment.charged_cents * MICROS_PER_CENT
    wallet, owed = state.ledger.wallet(tenant), state.ledger.owed(tenant)
    out = state.ledger.account(tenant, LedgerAccountKind.TRANSIT_OUT)
    by_wallet = min(micros, wallet.balance_micros)
    for source, part in ((wallet, by_wallet), (owed, micros - by_wallet)):
        if part:
            state.move(source, out, part, Code.PAYMENT_REFUND, subject_id=payment.id)
    payments_of(state).add_code(
        OneCode(tenant.environment, micros, code.digest, code.last4, payment.id)
    )
    refunded = replace(
        payment,
        state="refunded",
        refund_code=code.sealed,
        refund_code_hint=code.last4,
        ended_at=state.now_us,
    )
    return _changed(state, refunded, detail=_stored(why))


def _changed(
    state: BatchState,
    payment: MachinePayment,
    *,
    detail: str | None,
    next_check_at: int | None = None,
) -> MachinePayment:
    changed = replace(payment, detail=detail, next_check_at=next_check_at, lease_until=None)
    if changed.state not in OPEN:
        changed = without_private(changed)
    payments_of(state).change(changed)
    return changed


def _lock(read_set: ReadSet, payment: MachinePayment) -> None:
    # The machine account is locked too, so that payments with the same ID are handled one after the other.
    read_set.tenants.update((payment.tenant, Tenant(MACHINE_ACCOUNT, payment.environment)))


def _stored(detail: str | None) -> str | None:
    return None if detail is None else storable(detail, characters_max=DETAIL_CHARACTERS_MAX)


@dataclass(frozen=True, slots=True)
class PaidRehearsal:
    """Check that a payment's top-up could be sent, without writing anything. If the send would be refused, raise its
    error.
    """

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
