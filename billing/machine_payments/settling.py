"""Settle each machine payment, with one call at a time, until its outcome is known.

A second caller with the same payment waits up to WAIT_S for the first. A worker, or the payer's next request, continues
an interrupted payment. A refusal is final only if no earlier response was lost. Otherwise, the call is repeated until
the payment is settled or an operator decides.
"""

import asyncio
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from billing.credits.redemption_code import RedemptionCodes, new_code
from billing.engine.engine import Engine
from billing.machine_payments import payment as payments
from billing.machine_payments.commands import (
    ClaimPayment,
    EndDelivery,
    EndPayment,
    OpenPayment,
    PaidRehearsal,
    PaymentVerdict,
    RefundCode,
    begun,
)
from billing.machine_payments.facilitator import Expected, Facilitator, Settlement, Verified
from billing.machine_payments.offer import Offer, TokenOffer
from billing.machine_payments.payment import OPEN, MachinePayment, NotOffered, open_machine_account
from billing.topups.rules import TopUpRules
from billing.topups.send import Send
from kernel.clock import MINUTE_US, SECOND_US, Clock
from kernel.errors import DomainError, InvalidInput
from keys import audit_log
from keys.audit_log import Actor, AuditEntry
from keys.vault import Vault
from store.database import Database

LEASE_US: Final = 60 * SECOND_US
# If a provider has problems, its search may show a charge up to an hour late.
ASKED_AFTER_END_US: Final = 90 * MINUTE_US
WAIT_S: Final = 20.0
WAIT_STEP_S: Final = 0.1
_PROOF: Final = "machine payment"
_REFUND: Final = "machine refund"


@dataclass(frozen=True, slots=True)
class MachinePayments:
    """The machine payments of an installation. `offers` are paid with x402, and `token_offers` with a card.

    `vault` encrypts the stored proofs. `challenge_key` authenticates challenges that contain a price.
    """

    database: Database
    clock: Clock
    engine: Engine
    vault: Vault
    codes: RedemptionCodes
    offers: Mapping[str, Offer]
    token_offers: Mapping[str, TokenOffer]
    facilitators: Mapping[tuple[str, str], Facilitator]
    challenge_key: str
    wait_s: float = WAIT_S

    async def find_same(
        self, environment: str, protocol: str, *, payment_ref: str, identifier: str
    ) -> MachinePayment | None:
        found = await self.database.read(
            lambda tx: payments.find_same(
                tx, environment, protocol, payment_ref=payment_ref, identifier=identifier
            )
        )
        own = [one for one in found if one.payment_ref == payment_ref]
        return next(iter((*own, *found)), None)

    async def rehearse(self, payment: MachinePayment, send: Send) -> None:
        await open_machine_account(self.database, now_us=self.clock.now_us())
        await self.engine.rehearse(PaidRehearsal(payment, send))

    async def verify(self, payment: MachinePayment, request: bytes) -> Verified:
        return await self._facilitator(payment).verify(request, _expected(payment))

    def seal(self, payment_id: str, request: bytes) -> str:
        return self._sealed(request, _PROOF, payment_id)

    async def pay(self, payment: MachinePayment) -> MachinePayment:
        first = begun(payment, now_us=self.clock.now_us(), lease_us=LEASE_US)
        opened = await self.engine.submit(OpenPayment(first))
        if opened.is_ours:
            return await self._settle_at_facilitator(opened.payment)
        return await self.resume(opened.payment, wait_s=self.wait_s)

    def can_ask(self, payment: MachinePayment) -> bool:
        return (payment.environment, payment.protocol) in self.facilitators

    async def resume(self, payment: MachinePayment, *, wait_s: float = 0.0) -> MachinePayment:
        if payment.needs_review or payment.state not in OPEN or not self.can_ask(payment):
            return await self.deliver(payment)
        claimed = await self.engine.submit(ClaimPayment(payment, LEASE_US))
        if claimed.is_ours:
            return await self._settle_at_facilitator(claimed.payment)
        return await self._wait(claimed.payment, wait_s)

    async def check_again(self, payment_id: str) -> MachinePayment:
        payment = await self._find(payment_id)
        if payment.ended_at is not None:
            return payment
        if not self.can_ask(payment):
            raise NotOffered(f"{payment.protocol} is no longer set up in {payment.environment}.")
        claimed = await self.engine.submit(ClaimPayment(payment, LEASE_US))
        return (
            await self._settle_at_facilitator(claimed.payment)
            if claimed.is_ours
            else claimed.payment
        )

    async def deliver(self, payment: MachinePayment) -> MachinePayment:
        if payment.state != "paid" or payment.ended_at is not None:
            return payment
        return await self.engine.submit(EndDelivery(payment, self._refund_code(payment)))

    async def decide(
        self,
        payment_id: str,
        verdict: PaymentVerdict,
        *,
        settlement: str | None,
        reason: str,
        actor: Actor,
        by_name: str | None,
    ) -> MachinePayment:
        found = await self._find(payment_id)
        is_late = found.state == "refused" and verdict == "settled"
        if not is_late and (found.ended_at is not None or found.settled_at is not None):
            raise InvalidInput(f"The payment has already ended: {found.state}.", param="payment_id")
        if (verdict == "settled") is (settlement is None):
            raise InvalidInput(
                "Give `settlement` for a settled payment, and omit it for a refused one.",
                param="settlement",
            )
        entry = audit_log.entry(
            actor,
            "payment.decide",
            environment=found.environment,
            account_id=found.account_id,
            subject_id=found.id,
            before=found.shape(),
            after={"verdict": verdict, "settlement": settlement, "by": by_name},
            reason=reason,
            now_us=self.clock.now_us(),
        )
        return await self._end(found, Settlement(verdict, reason, settlement), entry)

    def refund_code_of(self, payment: MachinePayment) -> str | None:
        if payment.refund_code is None:
            return None
        return self._opened(payment.refund_code, _REFUND, payment.id).decode()

    async def _settle_at_facilitator(self, payment: MachinePayment) -> MachinePayment:
        request = self._opened(payment.proof, _PROOF, payment.id)
        said = await self._facilitator(payment).settle(request, _expected(payment))
        if said.verdict == "refused" and payment.is_lost and not said.is_final:
            said = said._replace(verdict="unknown")
        if said.verdict == "unknown" and self._is_past(payment):
            said = said._replace(is_for_person=True)
        return await self._end(payment, said)

    async def _end(
        self, payment: MachinePayment, said: Settlement, entry: AuditEntry | None = None
    ) -> MachinePayment:
        send, detail = None, said.detail
        if said.verdict == "settled":
            try:
                send = None if payment.state == "refused" else self._send(payment)
            except DomainError as refusal:
                detail = refusal.detail
        return await self.engine.submit(
            EndPayment(
                payment,
                verdict=said.verdict,
                detail=detail,
                settlement=payments.settlement_name(payment.network, said.transaction),
                send=send,
                code=self._refund_code(payment) if said.verdict == "settled" else None,
                is_lost=said.is_lost,
                is_for_person=said.is_for_person,
                is_final=said.is_final,
                entry=entry,
            )
        )

    def _send(self, payment: MachinePayment) -> Send:
        platforms = self.engine.rules.of(TopUpRules).platforms.of(payment.tenant.environment)
        request = payment.request.prepare(platforms, payment.account_id)
        return Send(payment.transaction_id, payment.tenant, payment.spent_by, request)

    def _refund_code(self, payment: MachinePayment) -> RefundCode:
        code = new_code()
        digest = self.codes.digest_of(code)
        assert digest is not None, "a fresh code looks like one"
        sealed = self._sealed(code.encode(), _REFUND, payment.id)
        return RefundCode(digest, code[-4:], sealed)

    def _sealed(self, plain: bytes, purpose: str, subject: str) -> str:
        return b64encode(self.vault.seal(plain, purpose=purpose, subject=subject)).decode()

    def _opened(self, sealed: str, purpose: str, subject: str) -> bytes:
        return self.vault.open(b64decode(sealed), purpose=purpose, subject=subject)

    def _is_past(self, payment: MachinePayment) -> bool:
        return self.clock.now_us() > payment.expires_at + ASKED_AFTER_END_US

    def _facilitator(self, payment: MachinePayment) -> Facilitator:
        return self.facilitators[payment.environment, payment.protocol]

    async def _find(self, payment_id: str) -> MachinePayment:
        return await self.database.read(lambda tx: payments.find(tx, payment_id))

    async def _wait(self, payment: MachinePayment, wait_s: float) -> MachinePayment:
        loop = asyncio.get_running_loop()
        until_s = loop.time() + wait_s
        while payment.lease_until is not None and loop.time() < until_s:
            await asyncio.sleep(WAIT_STEP_S)
            payment = await self._find(payment.id)
        return payment


def _expected(payment: MachinePayment) -> Expected:
    return Expected(
        payment.network, payment.payer, payment.amount, payment.settlement, payment.expires_at
    )
