"""Request, settle and decide refunds.

A payment has at most one open refund. The account must have the credit, unless the operator lets it owe the credit.

The provider confirms a refund in its response or a notification, whichever comes first. If the provider refuses, the
credit is released. Without a response, the credit stays held.
"""

from dataclasses import dataclass, replace as replaced
from typing import Literal

from msgspec.structs import replace

from billing.engine.batch_state import AuditEntries, BatchState, ReadSet
from billing.ledger.ledger import InsufficientBalance
from billing.ledger.money import MICROS_PER_CENT, micros_to_cents
from billing.orders.refund import Refund, RefundKind, Reversal, blank_of, change_of, move
from billing.orders.reversal import end_reversal, follow, set_aside
from billing.providers.abilities import RefundReport
from billing.providers.event_log import Problem, in_words
from billing.refunds.payment import RefundablePayment, declare, named_payment, payment_of
from kernel.clock import SECOND_US
from kernel.errors import DomainError, InvalidInput, NotFound
from kernel.storable import storable
from kernel.tenant import Tenant
from keys import audit_log
from keys.audit_log import Actor

REFUND_REASON_CHARACTERS_MAX = 200
PROVIDER_ID_CHARACTERS_MAX = 200


class RefundRefused(DomainError):
    pass


class NotRefundable(RefundRefused):
    """The payment can't be refunded. `reason` is one of: not_paid, no_api, other_order."""


class RefundRepeated(RefundRefused):
    """The refund was already made. `reason` is one of: nothing_left, known, ended."""


class RefundUnderWay(RefundRefused):
    """A refund is in progress. `reason` is one of: under_way, being_asked."""


@dataclass(frozen=True, slots=True)
class RefundMethod:
    takes_part: bool = True
    is_named: bool = True
    tells_parts: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRefund:
    """Record a refund of `amount` in the payment's smallest unit. If `amount` is None, refund all that remains.

    `provider_refund_id` is set if the refund was made at the provider. `payment_ref` names a payment other than the
    order's own.
    """

    refund_id: str
    order_id: str
    tenant: Tenant
    reason: str
    actor: Actor
    way: RefundMethod
    amount: int | None = None
    period_id: str | None = None
    allow_owed: bool = False
    provider_refund_id: str | None = None
    payment_ref: str | None = None
    is_plan: bool = False
    by_name: str | None = None

    def declare(self, read_set: ReadSet) -> None:
        is_other = self.is_plan or self.payment_ref is not None
        declare(read_set, self.order_id, self.tenant, is_plan=self.is_plan, is_other=is_other)
        read_set.working_set(AuditEntries)

    def decide(self, state: BatchState) -> Refund:
        payment = named_payment(
            state,
            self.order_id,
            self.tenant,
            period_id=self.period_id,
            payment_ref=self.payment_ref,
            is_plan=self.is_plan,
        )
        amount = self._amount(payment)
        before_micros = state.ledger.balance_micros(self.tenant, state.now_us)
        gone = payment.returned_amount
        micros = payment.due_micros(gone + amount) - payment.due_micros(gone)
        if not self.allow_owed:
            _check_credit(state, payment, micros)
        made = self._row(state, payment, amount)
        payment.save(state)
        payment.rows.refunds.add(made)
        if self.provider_refund_id is None and payment.parts:
            # If credit is granted in parts, take it back now. Return it if the refund fails.
            told = reversal_of(made, state.now_us, tells_parts=self.way.tells_parts)
            payment.rows.reversals.save(replace(told, status="asked"))
            payment.apply(state, made.reason)
        elif self.provider_refund_id is None:
            made = set_aside(state, payment.sold, payment.rows.refunds, made, micros)
            state.record_drop(self.tenant, before_micros, calls_for_recharge=False)
        else:
            payment.rows.reversals.save(
                reversal_of(made, state.now_us, tells_parts=self.way.tells_parts)
            )
            payment.apply(state, made.reason)
        self._record(state, made)
        return made

    def _amount(self, payment: RefundablePayment) -> int:
        order = payment.order
        if payment.payment_ref is None or not payment.is_here:
            words = f"The order is {order.status}, so there is no payment to refund."
            raise _refused(NotRefundable, "not_paid", words, order.id)
        open_ = payment.rows.refunds.open_of(payment.owner_id)
        if open_ is not None:
            words = f"Refund {open_.id} of the payment is {open_.status}. Wait until it has ended."
            raise _refused(RefundUnderWay, "under_way", words, order.id, refund_id=open_.id)
        left = payment.paid.amount - payment.returned_amount
        if left <= 0:
            words = f"All of {in_words(payment.paid)} was already refunded or disputed."
            raise _refused(RefundRepeated, "nothing_left", words, order.id)
        if self.provider_refund_id is not None:
            known = payment.rows.reversals.find(payment.owner_id, self.provider_refund_id)
            if known is not None:
                words = (
                    f"{order.provider} already reported {self.provider_refund_id}, so it counts."
                )
                raise _refused(RefundRepeated, "known", words, order.id)
        amount = left if self.amount is None else self.amount
        if not 0 < amount <= left:
            raise InvalidInput(
                f"The amount must be above 0. At most {left} of {in_words(payment.paid)} can still be refunded.",
                param="amount",
            )
        if amount != left and payment.is_whole_only:
            raise InvalidInput(
                f"A plan's payment in review can only be refunded in full: {left}.",
                param="amount",
            )
        if amount != left and not self.way.takes_part and self.provider_refund_id is None:
            raise InvalidInput(
                f"{order.provider} can only refund the whole remaining amount, {left}. To refund "
                "less, use the provider's own pages, then record the refund with "
                "made_at_provider.",
                param="amount",
            )
        return amount

    def _row(self, state: BatchState, payment: RefundablePayment, amount: int) -> Refund:
        is_made_at_provider = self.provider_refund_id is not None
        assert payment.payment_ref is not None, "it was looked at"
        return Refund(
            id=self.refund_id,
            account_id=self.tenant.account_id,
            environment=self.tenant.environment,
            order_id=payment.order.id,
            owner_id=payment.owner_id,
            period_start_at=payment.period_start_at,
            provider=payment.order.provider,
            payment_ref=payment.payment_ref,
            status="succeeded" if is_made_at_provider else "requested",
            amount=amount,
            currency=payment.paid.currency,
            reason=storable(self.reason, characters_max=REFUND_REASON_CHARACTERS_MAX),
            is_named=self.way.is_named,
            is_made_at_provider=is_made_at_provider,
            provider_refund_id=self.provider_refund_id,
            requested_by=self._requested_by,
            next_check_at=None if is_made_at_provider else state.now_us,
            created_at=state.now_us,
            ended_at=state.now_us if is_made_at_provider else None,
        )

    @property
    def _requested_by(self) -> str:
        """Return the name that public responses show: the user's name or the token's ID."""
        name = None if self.actor.is_program else self.by_name
        return name or self.actor.name

    def _record(self, state: BatchState, made: Refund) -> None:
        entry = audit_log.entry(
            self.actor,
            "order.refund",
            environment=made.environment,
            account_id=made.account_id,
            subject_id=made.order_id,
            before=None,
            after={
                "refund_id": made.id,
                "payment": made.payment_ref,
                "amount": made.amount,
                "currency": made.currency,
                "status": made.status,
                "by": self.by_name,
            },
            reason=made.reason,
            now_us=state.now_us,
        )
        state.working_set(AuditEntries).add(entry)


def reversal_of(refund: Refund, now_us: int, *, tells_parts: bool) -> Reversal:
    kind: RefundKind = "part" if tells_parts else "refund"
    return Reversal(
        refund.owner_id, refund.key, *refund.tenant, kind, refund.amount, "done", now_us
    )


def _check_credit(state: BatchState, payment: RefundablePayment, micros: int) -> None:
    available = payment.available_micros(state)
    if available < micros:
        raise InsufficientBalance(
            "The account has spent the credit that the refund takes back. Set allow_owed "
            "to let the account owe it.",
            extra={
                "needed_cents": -(-micros // MICROS_PER_CENT),
                "available_cents": micros_to_cents(available),
            },
        )


def _refused(
    kind: type[RefundRefused], reason: str, words: str, order_id: str, **more: str
) -> RefundRefused:
    return kind(words, reason=reason, extra={"order_id": order_id, **more})


DETAIL_CHARACTERS_MAX = 300
# A call to a provider ends within this time. Until then, no decision is accepted.
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
class ClaimedRefund:
    refund: Refund
    payment: RefundablePayment
    is_mine: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRefund(_OnRefund):
    seen_checks_made: int
    next_check_at: int

    def decide(self, state: BatchState) -> ClaimedRefund:
        payment, found = self._found(state)
        if not found.is_open or found.checks_made != self.seen_checks_made:
            return ClaimedRefund(found, payment, is_mine=False)
        asked = replace(
            found,
            checks_made=found.checks_made + 1,
            requested_at=found.requested_at or state.now_us,
            next_check_at=self.next_check_at,
            lease_until=state.now_us + BEING_ASKED_US,
        )
        payment.rows.refunds.save(asked)
        return ClaimedRefund(asked, payment, is_mine=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class PostponeRefund(_OnRefund):
    detail: str

    def decide(self, state: BatchState) -> Refund:
        payment, found = self._found(state)
        if not found.is_open:
            return found
        said = storable(self.detail, characters_max=DETAIL_CHARACTERS_MAX)
        kept = move(replace(found, lease_until=None), "unknown", now_us=state.now_us)
        kept = replace(kept, detail=said)
        payment.rows.refunds.save(kept)
        return kept


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleRefund(_OnRefund):
    word: RefundReport

    def decide(self, state: BatchState) -> Refund:
        payment, found = self._found(state)
        refunds, word = payment.rows.refunds, self.word
        found = replace(found, lease_until=None)
        if not found.is_open and word.fact is None:
            return found
        named = word.provider_refund_id
        if named is not None and found.provider_refund_id is None:
            found = replace(found, provider_refund_id=named)
        refunds.save(found)
        if word.fact is None:
            said = storable(word.detail, characters_max=DETAIL_CHARACTERS_MAX) or None
            refunds.save(move(found, word.status, now_us=state.now_us, detail=said))
            if word.status == "failed":
                end_reversal(payment.rows.reversals, self.owner_id, found.id, "failed")
        else:
            self._count(state, payment, found)
        payment.apply(state, found.reason)
        return refunds.find(self.owner_id, self.refund_id) or found

    def _count(self, state: BatchState, payment: RefundablePayment, found: Refund) -> None:
        assert self.word.fact is not None, "it was looked at"
        # If the response has no refund ID, the ID from an earlier notification is used.
        fact, reversals = replaced(self.word.fact, key=found.key), payment.rows.reversals
        blank = blank_of(fact, self.owner_id, self.tenant, state.now_us)
        known = reversals.find(self.owner_id, fact.key)
        changed = change_of(fact, known, blank, payment.paid)
        follow(state, payment.rows.refunds, reversals, self.owner_id, fact)
        if isinstance(changed, Problem):
            said = storable(changed.sentence, characters_max=DETAIL_CHARACTERS_MAX)
            payment.rows.refunds.save(
                replace(found, status="unknown", detail=said, next_check_at=None, ended_at=None)
            )
        elif changed is not None:
            reversals.save(changed)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecideRefund(_OnRefund):
    """Record an operator's decision on whether a refund was made. The operator has checked the provider's pages."""

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
        refunds.save(ended)
        # If credit is granted in parts, the request has already made a reversal. The decision replaces that reversal.
        end_reversal(payment.rows.reversals, self.owner_id, found.id, "failed")
        if self.verdict == "made":
            known = payment.rows.reversals.find(self.owner_id, ended.key)
            if known is None or known.key == found.id:
                made = reversal_of(ended, state.now_us, tells_parts=self.tells_parts)
                payment.rows.reversals.save(made)
        payment.apply(state, found.reason)
        self._record(state, found, ended)
        return refunds.find(self.owner_id, self.refund_id) or ended

    def _check(self, state: BatchState, found: Refund) -> None:
        extra = {"refund_id": found.id, "refund_status": found.status}
        if not found.is_open:
            raise RefundRepeated(
                f"The refund has already {found.status}.", reason="ended", extra=extra
            )
        first = found.created_at + BEING_ASKED_US if found.requested_at is None else 0
        if state.now_us < (found.lease_until or first):
            words = "The provider is being called. Try again in half a minute."
            raise RefundUnderWay(words, reason="being_asked", extra=extra)

    def _record(self, state: BatchState, before: Refund, after: Refund) -> None:
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
