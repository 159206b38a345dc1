"""A refund continues: its provider is about to be called, said something, or an operator decides.

One of several workers calls at a time. No response releases nothing. The provider's yes is a reversal like
its notification's, under the provider's name, so the first one counts. Its definite no returns the credit.
"""

from dataclasses import dataclass, replace as replaced
from typing import Literal

from msgspec.structs import replace

from billing.engine.batch_state import AuditEntries, BatchState, ReadSet
from billing.orders.refund import blank_of, change_of
from billing.orders.refund_row import Refund, move
from billing.orders.sold_credit import end_reversal, follow
from billing.providers.abilities import RefundWord
from billing.providers.problem import Problem
from billing.refunds.payment import RefundablePayment, declare, payment_of
from billing.refunds.request import RefundRepeated, RefundUnderWay, reversal_of
from kernel.clock import SECOND_US
from kernel.errors import NotFound
from kernel.storable import storable
from kernel.tenant import Tenant
from keys import audit_log
from keys.audit_log import Actor

DETAIL_CHARACTERS_MAX = 300
# Providers are called within this, so that nobody decides meanwhile.
BEING_ASKED_US = 30 * SECOND_US
RefundVerdict = Literal["made", "not_made"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _OnRefund:
    refund_id: str
    order_id: str
    owner_id: str
    period_start_at: int | None
    tenant: Tenant

    def declare(self, read_set: ReadSet) -> None:
        is_plan = self.period_start_at is not None
        is_other = not is_plan and self.owner_id != self.order_id
        declare(read_set, self.order_id, self.tenant, is_plan=is_plan, is_other=is_other)

    def _found(self, state: BatchState) -> tuple[RefundablePayment, Refund]:
        payment = payment_of(
            state,
            self.order_id,
            self.tenant,
            owner_id=self.owner_id,
            period_start_at=self.period_start_at,
        )
        found = payment.rows.refunds.find(self.owner_id, self.refund_id)
        if found is None:
            raise NotFound("Refund")
        return payment, found


@dataclass(frozen=True, slots=True)
class AskedRefund:
    """is_mine: this caller calls the provider now. paid, checkout_ref: for the request."""

    refund: Refund
    payment: RefundablePayment
    is_mine: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AskRefund(_OnRefund):
    """Several workers may read the same seen_checks_made; one continues."""

    seen_checks_made: int
    next_check_at: int

    def decide(self, state: BatchState) -> AskedRefund:
        payment, found = self._found(state)
        if not found.is_open or found.checks_made != self.seen_checks_made:
            return AskedRefund(found, payment, is_mine=False)
        asked = replace(
            found,
            checks_made=found.checks_made + 1,
            requested_at=found.requested_at or state.now_us,
            next_check_at=self.next_check_at,
            lease_until=state.now_us + BEING_ASKED_US,
        )
        payment.rows.refunds.keep(asked)
        return AskedRefund(asked, payment, is_mine=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepRefund(_OnRefund):
    """No clear word: the credit stays held, and the provider is called again."""

    detail: str

    def decide(self, state: BatchState) -> Refund:
        payment, found = self._found(state)
        if not found.is_open:
            return found
        said = storable(self.detail, characters_max=DETAIL_CHARACTERS_MAX)
        kept = move(replace(found, lease_until=None), "unknown", now_us=state.now_us)
        kept = replace(kept, detail=said)
        payment.rows.refunds.keep(kept)
        return kept


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleRefund(_OnRefund):
    word: RefundWord

    def decide(self, state: BatchState) -> Refund:
        payment, found = self._found(state)
        refunds, word = payment.rows.refunds, self.word
        found = replace(found, lease_until=None)
        if not found.is_open and word.fact is None:
            return found
        named = word.provider_refund_id
        if named is not None and found.provider_refund_id is None:
            found = replace(found, provider_refund_id=named)
        refunds.keep(found)
        if word.fact is None:
            said = storable(word.detail, characters_max=DETAIL_CHARACTERS_MAX) or None
            refunds.keep(move(found, word.status, now_us=state.now_us, detail=said))
            if word.status == "failed":
                end_reversal(payment.rows.reversals, self.owner_id, found.id, "failed")
        else:
            self._count(state, payment, found)
        payment.apply(state, found.reason)
        return refunds.find(self.owner_id, self.refund_id) or found

    def _count(self, state: BatchState, payment: RefundablePayment, found: Refund) -> None:
        """Record the provider's response as a notification of the refund is recorded."""
        assert self.word.fact is not None, "it was looked at"
        # If the response names no refund, use the name from an earlier notification.
        fact, reversals = replaced(self.word.fact, key=found.key), payment.rows.reversals
        blank = blank_of(fact, self.owner_id, self.tenant, state.now_us)
        known = reversals.find(self.owner_id, fact.key)
        changed = change_of(fact, known, blank, payment.paid)
        follow(state, payment.rows.refunds, reversals, self.owner_id, fact)
        if isinstance(changed, Problem):
            said = storable(changed.sentence, characters_max=DETAIL_CHARACTERS_MAX)
            payment.rows.refunds.keep(
                replace(found, status="unknown", detail=said, next_check_at=None, ended_at=None)
            )
        elif changed is not None:
            reversals.keep(changed)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecideRefund(_OnRefund):
    """An operator checked the provider's pages: it was made there, or never will be. provider_refund_id: its
    ID there. Raises RefundRepeated and RefundUnderWay.
    """

    verdict: RefundVerdict
    reason: str
    actor: Actor
    tells_parts: bool = False
    provider_refund_id: str | None = None
    by_name: str | None = None

    def declare(self, read_set: ReadSet) -> None:
        _OnRefund.declare(self, read_set)
        read_set.working_set(AuditEntries)

    def decide(self, state: BatchState) -> Refund:
        payment, found = self._found(state)
        self._check(state, found)
        refunds = payment.rows.refunds
        status: Literal["succeeded", "failed"] = "succeeded" if self.verdict == "made" else "failed"
        said = storable(self.reason, characters_max=DETAIL_CHARACTERS_MAX)
        ended = replace(
            move(found, status, now_us=state.now_us, detail=said),
            provider_refund_id=found.provider_refund_id or self.provider_refund_id,
        )
        refunds.keep(ended)
        # What was taken back at the request, of credit in parts, counts as what was decided.
        end_reversal(payment.rows.reversals, self.owner_id, found.id, "failed")
        if self.verdict == "made":
            known = payment.rows.reversals.find(self.owner_id, ended.key)
            if known is None or known.key == found.id:
                made = reversal_of(ended, state.now_us, tells_parts=self.tells_parts)
                payment.rows.reversals.keep(made)
        payment.apply(state, found.reason)
        self._tell(state, found, ended)
        return refunds.find(self.owner_id, self.refund_id) or ended

    def _check(self, state: BatchState, found: Refund) -> None:
        extra = {"refund_id": found.id, "refund_status": found.status}
        if not found.is_open:
            raise RefundRepeated(
                f"The refund has already {found.status}.", reason="ended", extra=extra
            )
        # A worker calls at once, and again later: each time for so long.
        first = found.created_at + BEING_ASKED_US if found.requested_at is None else 0
        if state.now_us < (found.lease_until or first):
            words = "The provider is being called. Try again in half a minute."
            raise RefundUnderWay(words, reason="being_asked", extra=extra)

    def _tell(self, state: BatchState, before: Refund, after: Refund) -> None:
        entry = audit_log.entry(
            self.actor,
            "order.refund_decided",
            environment=after.environment,
            account_id=after.account_id,
            subject_id=after.order_id,
            before={"refund_id": before.id, "status": before.status, "detail": before.detail},
            after={
                "status": after.status,
                "provider_refund_id": after.provider_refund_id,
                "by": self.by_name,
            },
            reason=after.detail,
            now_us=state.now_us,
        )
        state.working_set(AuditEntries).add(entry)
