"""Translate the JSON of Stripe's events and responses into provider-neutral facts.

charge.refunded reports the sum of refunds. The refund.* events report each refund, and only they report failures. A
checkout's payment is reported by its session, so payment intents without this gateway's mark are ignored.
"""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

import msgspec

from billing.ledger.price import Price
from billing.providers.abilities import DeclineReason
from billing.providers.breakdown import Breakdown, TaxPart, taxes_of
from billing.providers.protocol import (
    DisputeClosed,
    Disputed,
    DisputeNote,
    Expired,
    Fact,
    Failed,
    Ignored,
    InvoiceLine,
    InvoicePaid,
    Paid,
    Refunded,
    RefundFailed,
    Subject,
    SubscriptionChanged,
    SubscriptionStatus,
    Unconfirmed,
    Waiting,
)
from billing.providers.stripe.objects import (
    Charge,
    Dispute,
    Invoice,
    InvoicePaymentMade,
    Item,
    Line,
    PaidBy,
    Period,
    Ref,
    Refund,
    Session,
    Subscription,
    Unreadable,
    from_stripe,
    ref_id,
)
from kernel.clock import SECOND_US

CHARGE_MARK: Final = "recharge"
# If a payment is in one of these states, the payer must act.
NEEDS_PAYER: Final = frozenset({"requires_payment_method", "requires_action", "canceled"})
_DASHBOARD = "https://dashboard.stripe.com"
_STATUSES: dict[str, SubscriptionStatus] = {
    "active": "active",
    "trialing": "active",
    "past_due": "past_due",
    "unpaid": "past_due",
    "paused": "paused",
    "canceled": "cancelled",
    "incomplete_expired": "expired",
}


def session_facts(session: Session, kind: str) -> Sequence[Fact]:
    """Return a checkout session's facts. `kind` is the event's type or, for a response, the session's status."""
    subject = _subject(
        _order_of(session.metadata) or session.client_reference_id,
        session.id,
        ref_id(session.payment_intent),
        ref_id(session.subscription),
        ref_id(session.invoice),
    )
    if session.mode not in ("payment", "subscription"):
        return (Ignored(f"a session of mode {session.mode}"),)
    if kind == "expired":
        return (Expired(subject),)
    if kind == "async_payment_failed":
        return (Failed(subject, "the payment failed"),)
    if session.payment_status not in ("paid", "no_payment_required"):
        return (Waiting(subject),)
    if session.amount_total is None or session.currency is None:
        raise Unreadable("The session has no amount.")
    payment = session.payment_intent or session.invoice or session.subscription
    return (
        Paid(
            subject,
            payment_id=ref_id(payment) or session.id,
            price=from_stripe(session.amount_total, session.currency),
            customer_ref=ref_id(session.customer),
            subscription_ref=ref_id(session.subscription),
            subtotal=None
            if session.amount_subtotal is None or session.mode != "subscription"
            else from_stripe(session.amount_subtotal, session.currency),
            breakdown=session_breakdown(session, session.currency),
        ),
    )


def invoice_facts(invoice: Invoice, kind: str) -> Sequence[Fact]:
    details = invoice.details
    subscription = ref_id(details.subscription)
    order_id = _order_of(invoice.metadata) or _order_of(details.metadata)
    subject = _subject(order_id, invoice.id, subscription, *invoice.payment_ids)
    if subscription is not None:
        if kind == "paid":
            return (_renewal(invoice, subject, subscription),)
        return (Ignored("the subscription's own events tell its standing"),)
    if kind == "paid":
        return (
            Paid(
                subject,
                payment_id=invoice.id,
                price=from_stripe(invoice.amount_paid, invoice.currency),
                customer_ref=ref_id(invoice.customer),
                breakdown=invoice_breakdown(invoice),
            ),
        )
    if kind in ("voided", "void", "marked_uncollectible", "uncollectible"):
        return (Failed(subject, "the invoice was voided or given up"),)
    return (Waiting(subject),)


def _renewal(invoice: Invoice, subject: Subject, subscription: str) -> InvoicePaid:
    lines = [(line, line.period) for line in invoice.lines.data if line.period is not None]
    if not lines:
        raise Unreadable("The invoice has no period.")
    line, period = max(lines, key=lambda pair: _weight(*pair))
    return InvoicePaid(
        subject,
        subscription_ref=subscription,
        invoice_id=invoice.id,
        price=from_stripe(invoice.amount_paid, invoice.currency),
        period_start_at=period.start * SECOND_US,
        period_end_at=period.end * SECOND_US,
        product_ref=line.price_ref,
        is_prorated=any(line.is_prorated for line, _ in lines),
        customer_ref=ref_id(invoice.customer),
        lines=tuple(_line(one, invoice.currency) for one in invoice.lines.data),
        is_change=invoice.billing_reason in ("subscription_create", "subscription_update"),
        breakdown=invoice_breakdown(invoice),
    )


def _weight(line: Line, period: Period) -> tuple[bool, bool, bool, bool, int]:
    is_for_time = period.end > period.start
    return is_for_time, line.is_subscriptions, not line.is_prorated, line.amount > 0, period.end


def _line(line: Line, currency: str) -> InvoiceLine:
    size = from_stripe(abs(line.amount), currency).amount
    amount = size if line.amount >= 0 else -size
    quantity = 1 if line.quantity is None else line.quantity
    return InvoiceLine(line.price_ref, amount, quantity, line.is_prorated)


def subscription_facts(subscription: Subscription, kind: str) -> Sequence[Fact]:
    status = "cancelled" if kind == "deleted" else _STATUSES.get(subscription.status)
    if status is None:
        return (Ignored(f"a subscription that is {subscription.status[:40]}"),)
    pause = subscription.pause_collection
    if pause is not None and status in {"active", "past_due"}:
        status = "paused"
    item = subscription.items.data[0] if subscription.items.data else Item()
    end_s = item.current_period_end or subscription.current_period_end
    return (
        SubscriptionChanged(
            _subject(_order_of(subscription.metadata), subscription.id),
            subscription_ref=subscription.id,
            status=status,
            period_end_at=None if end_s is None else end_s * SECOND_US,
            is_ending=subscription.cancel_at_period_end or subscription.cancel_at is not None,
            product_ref=subscription.next_price or ref_id(item.price),
            resumes_at=None
            if pause is None or pause.resumes_at is None or status != "paused"
            else pause.resumes_at * SECOND_US,
        ),
    )


def _charge_facts(charge: Charge, _kind: str) -> Sequence[Fact]:
    subject = _subject(
        _order_of(charge.metadata), charge.id, ref_id(charge.payment_intent), ref_id(charge.invoice)
    )
    return (Refunded(subject, charge.id, from_stripe(charge.amount_refunded, charge.currency)),)


def refund_facts(refund: Refund, _kind: str) -> Sequence[Fact]:
    subject = _subject(
        _order_of(refund.metadata),
        refund.id,
        ref_id(refund.charge),
        ref_id(refund.payment_intent),
        (refund.metadata or {}).get("refund_id"),
    )
    price = from_stripe(refund.amount, refund.currency)
    if refund.status in ("failed", "canceled"):
        return (RefundFailed(subject, refund.id, price, is_part=True),)
    if refund.status in ("succeeded", "pending"):
        is_pending = refund.status == "pending"
        return (Refunded(subject, refund.id, price, is_part=True, is_pending=is_pending),)
    return (Ignored("a refund that is not under way"),)


def _dispute_facts(dispute: Dispute, kind: str) -> Sequence[Fact]:
    subject = _subject(None, ref_id(dispute.charge), ref_id(dispute.payment_intent))
    note = _dispute_note(dispute, is_closed=kind == "closed")
    price = from_stripe(dispute.amount, dispute.currency)
    if note.is_inquiry:
        # An inquiry takes no money yet, but should be answered.
        return (Disputed(subject, dispute.id, Price(0, price.currency), note),)
    if kind == "closed":
        return (DisputeClosed(subject, dispute.id, dispute.status == "won", note),)
    return (Disputed(subject, dispute.id, price, note),)


def _dispute_note(dispute: Dispute, *, is_closed: bool) -> DisputeNote:
    details = dispute.evidence_details
    due_s = None if details is None else details.due_by
    test = "" if dispute.livemode else "test/"
    return DisputeNote(
        dispute.status,
        dispute.reason,
        None if due_s is None else due_s * SECOND_US,
        is_inquiry=dispute.status.startswith("warning_"),
        is_over=is_closed or dispute.status in ("won", "lost", "warning_closed", "prevented"),
        page_url=f"{_DASHBOARD}/{test}disputes/{quote(dispute.id, safe='')}",
    )


def _invoice_payment_facts(made: InvoicePaymentMade, _kind: str) -> Sequence[Fact]:
    paid_by = made.payment or PaidBy()
    # This event only links IDs, and a later refund contains one of them.
    ids = (ref_id(made.invoice), ref_id(paid_by.payment_intent), ref_id(paid_by.charge))
    return (Waiting(_subject(None, *ids)),)


def facts_of(event_type: str, raw: msgspec.Raw) -> Sequence[Fact]:
    if event_type not in _READERS:
        return (Ignored("nothing to us"),)
    form, read = _READERS[event_type]
    try:
        found = msgspec.json.decode(raw, type=form)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Unreadable(f"The event {event_type} has an unknown format.") from None
    return read(found, event_type.rpartition(".")[2])


def stamped(facts: Sequence[Fact], created_s: int | None) -> tuple[Fact, ...]:
    sent_at = None if created_s is None else created_s * SECOND_US
    return tuple(_stamped(fact, sent_at) for fact in facts)


def _stamped(fact: Fact, sent_at: int | None) -> Fact:
    if isinstance(fact, SubscriptionChanged):
        return replace(fact, sent_at=sent_at)
    if isinstance(fact, Disputed | DisputeClosed) and fact.note is not None:
        return replace(fact, note=replace(fact.note, sent_at=sent_at))
    return fact


def _order_of(metadata: dict[str, str] | None) -> str | None:
    return (metadata or {}).get("order_id") or None


def _subject(order_id: str | None, *ids: str | None) -> Subject:
    return Subject(order_id, tuple(dict.fromkeys(one for one in ids if one)))


class CardError(msgspec.Struct):
    code: str | None = None
    decline_code: str | None = None
    advice_code: str | None = None


class PaymentIntent(msgspec.Struct):
    id: str
    status: str = ""
    amount_received: int = 0
    currency: str = ""
    customer: Ref = None
    latest_charge: Ref = None
    metadata: dict[str, str] | None = None
    last_payment_error: CardError | None = None

    @property
    def order_id(self) -> str | None:
        return (self.metadata or {}).get("order_id") or None

    @property
    def is_charge(self) -> bool:
        return (self.metadata or {}).get("origin") == CHARGE_MARK

    @property
    def is_declined(self) -> bool:
        return self.status in NEEDS_PAYER


def intent_facts(
    intent: PaymentIntent, kind: str, *, order_id: str | None = None
) -> Sequence[Fact]:
    if not intent.is_charge:
        return (Ignored("a checkout's payment, which its session tells"),)
    if order_id is not None and intent.order_id != order_id:
        return (Ignored("the payment is another order's"),)
    ids = (intent.id, ref_id(intent.latest_charge))
    subject = Subject(intent.order_id, tuple(one for one in ids if one))
    if kind == "succeeded":
        price = from_stripe(intent.amount_received, intent.currency)
        return (Paid(subject, intent.id, price, customer_ref=ref_id(intent.customer)),)
    if kind == "payment_failed":
        return (Unconfirmed(subject, intent.id),)
    if kind not in NEEDS_PAYER:
        return (Waiting(subject),)
    reason = decline_reason(intent.last_payment_error)
    if reason == "authentication_required" or kind == "requires_action":
        return (Waiting(subject),)
    return (Failed(subject, reason),)


def decline_reason(error: CardError | None) -> DeclineReason:
    if error is None:
        return "card_declined"
    words, advice_code = {error.code, error.decline_code}, error.advice_code
    if words & {"authentication_required", "authentication_not_handled"}:
        return "authentication_required"
    if advice_code == "do_not_try_again":
        return "card_declined"
    if words & {"insufficient_funds", "card_velocity_exceeded", "withdrawal_count_limit_exceeded"}:
        return "insufficient_funds"
    if words & {"expired_card", "invalid_expiry_month", "invalid_expiry_year"}:
        return "card_expired"
    if advice_code == "try_again_later" or words & _LATER:
        return "try_later"
    return "card_declined"


_LATER: Final = frozenset(
    {
        "approve_with_id",
        "issuer_not_available",
        "processing_error",
        "reenter_transaction",
        "try_again_later",
    }
)
TAX = "Tax"
REVERSE_CHARGE = "Tax, reverse charge"
_REVERSE_CHARGE_REASON = "reverse_charge"


def session_breakdown(session: Session, currency: str) -> Breakdown | None:
    with contextlib.suppress(Unreadable):
        return _of_session(session, currency)
    return None


def invoice_breakdown(invoice: Invoice) -> Breakdown | None:
    with contextlib.suppress(Unreadable):
        return _of_invoice(invoice)
    return None


def _of_session(session: Session, currency: str) -> Breakdown | None:
    told, subtotal, total = session.total_details, session.amount_subtotal, session.amount_total
    if told is None or subtotal is None or total is None:
        return None
    # A comparison of the session's totals shows whether its prices include tax.
    is_added = subtotal - told.amount_discount + told.amount_tax == total and told.amount_tax > 0
    tax = TaxPart(TAX, _ours(told.amount_tax, currency), not is_added)
    return _plausible(
        Breakdown(
            subtotal=_ours(subtotal, currency),
            total=_ours(total, currency),
            discount=_ours(told.amount_discount, currency),
            taxes=taxes_of([tax]),
        )
    )


def _of_invoice(invoice: Invoice) -> Breakdown | None:
    subtotal, total, currency = invoice.subtotal, invoice.total, invoice.currency
    if subtotal is None or total is None:
        return None
    told = invoice.total_taxes or invoice.total_tax_amounts or []
    taxes = taxes_of(TaxPart(TAX, _ours(one.amount, currency), one.is_included) for one in told)
    # The buyer owes this tax, and the document must say so.
    if any(one.taxability_reason == _REVERSE_CHARGE_REASON for one in told):
        taxes = (*taxes, TaxPart(REVERSE_CHARGE, 0))
    discounts = sum(one.amount for one in invoice.total_discount_amounts or [])
    return _plausible(
        Breakdown(
            subtotal=_ours(subtotal, currency),
            total=_ours(total, currency),
            discount=_ours(discounts, currency),
            taxes=taxes,
            from_balance=_ours(max(0, total - invoice.amount_paid), currency),
        )
    )


def _ours(amount: int, currency: str) -> int:
    size = from_stripe(abs(amount), currency).amount
    return size if amount >= 0 else -size


def _plausible(made: Breakdown) -> Breakdown | None:
    is_sane = made.subtotal >= 0 and made.total > 0 and made.discount >= 0
    is_sane = is_sane and all(one.amount >= 0 for one in made.taxes)
    return None if made.says_nothing or not is_sane else made


_READERS: dict[str, tuple[type[Any], Callable[[Any, str], Sequence[Fact]]]] = {
    "checkout.session.completed": (Session, session_facts),
    "checkout.session.async_payment_succeeded": (Session, session_facts),
    "checkout.session.async_payment_failed": (Session, session_facts),
    "checkout.session.expired": (Session, session_facts),
    "invoice.paid": (Invoice, invoice_facts),
    "invoice.voided": (Invoice, invoice_facts),
    "invoice.marked_uncollectible": (Invoice, invoice_facts),
    "invoice_payment.paid": (InvoicePaymentMade, _invoice_payment_facts),
    "payment_intent.succeeded": (PaymentIntent, intent_facts),
    "payment_intent.payment_failed": (PaymentIntent, intent_facts),
    "customer.subscription.created": (Subscription, subscription_facts),
    "customer.subscription.updated": (Subscription, subscription_facts),
    "customer.subscription.paused": (Subscription, subscription_facts),
    "customer.subscription.resumed": (Subscription, subscription_facts),
    "customer.subscription.deleted": (Subscription, subscription_facts),
    "charge.refunded": (Charge, _charge_facts),
    "refund.created": (Refund, refund_facts),
    "refund.updated": (Refund, refund_facts),
    "refund.failed": (Refund, refund_facts),
    "charge.refund.updated": (Refund, refund_facts),
    "charge.dispute.created": (Dispute, _dispute_facts),
    "charge.dispute.updated": (Dispute, _dispute_facts),
    "charge.dispute.funds_withdrawn": (Dispute, _dispute_facts),
    "charge.dispute.closed": (Dispute, _dispute_facts),
}
# Subscribe webhook endpoints to these events. charge.refund.updated is the former name of refund.updated.
NEEDED_EVENTS = frozenset(_READERS) - {"charge.refund.updated"}
