"""Request a refund: its row and the hold on its credit are one transaction, before any call.

One refund of a payment at a time, of no more than what is left. Its credit is there and held, unless the
operator lets the account owe it. One made at the provider is recorded, and counts at once.
"""

from dataclasses import dataclass

from msgspec.structs import replace

from billing.engine.batch_state import AuditEntries, BatchState, ReadSet
from billing.ledger.ledger import InsufficientBalance
from billing.ledger.money import MICROS_PER_CENT, micros_to_cents
from billing.orders.refund import RefundKind, Reversal
from billing.orders.refund_row import Refund
from billing.orders.sold_credit import set_aside
from billing.providers.problem import in_words
from billing.refunds.payment import RefundablePayment, declare, named_payment
from kernel.errors import DomainError, InvalidInput
from kernel.storable import storable
from kernel.tenant import Tenant
from keys import audit_log
from keys.audit_log import Actor

REFUND_REASON_CHARACTERS_MAX = 200
PROVIDER_ID_CHARACTERS_MAX = 200


class RefundRefused(DomainError):
    pass


class NotRefundable(RefundRefused):
    """reason: not_paid, no_api, other_order."""


class RefundRepeated(RefundRefused):
    """reason: nothing_left, known, ended."""


class RefundUnderWay(RefundRefused):
    """reason: under_way, being_asked."""


@dataclass(frozen=True, slots=True)
class RefundWay:
    """How the payment's provider refunds; see billing/providers/abilities.py."""

    takes_part: bool = True
    is_named: bool = True
    tells_parts: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRefund:
    """Record a refund of `amount` in the payment's smallest unit, or of all that remains if null.

    - provider_refund_id: set if the refund was made at the provider.
    - payment_ref: set if the payment isn't the order's own.
    """

    refund_id: str
    order_id: str
    tenant: Tenant
    reason: str
    actor: Actor
    way: RefundWay
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
        payment.keep(state)
        payment.rows.refunds.add(made)
        if self.provider_refund_id is None and payment.parts:
            # Credit in parts is taken back at once, and returned on failure.
            told = reversal_of(made, state.now_us, tells_parts=self.way.tells_parts)
            payment.rows.reversals.keep(replace(told, status="asked"))
            payment.apply(state, made.reason)
        elif self.provider_refund_id is None:
            made = set_aside(state, payment.sold, payment.rows.refunds, made, micros)
            state.record_drop(self.tenant, before_micros, calls_for_recharge=False)
        else:
            payment.rows.reversals.keep(
                reversal_of(made, state.now_us, tells_parts=self.way.tells_parts)
            )
            payment.apply(state, made.reason)
        self._tell(state, made)
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
                f"The amount must be above 0 and at most {left}, which is left of "
                f"{in_words(payment.paid)}.",
                param="amount",
            )
        if amount != left and payment.is_whole_only:
            raise InvalidInput(
                f"A plan's payment in review can only be refunded whole: {left}.",
                param="amount",
            )
        if amount != left and not self.way.takes_part and self.provider_refund_id is None:
            raise InvalidInput(
                f"{order.provider} can only refund all that is left, {left}. Refund a part on "
                "its own pages, then record it with made_at_provider.",
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
        """Return the person's name, or the token's id, which public answers show."""
        name = None if self.actor.is_program else self.by_name
        return name or self.actor.name

    def _tell(self, state: BatchState, made: Refund) -> None:
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
