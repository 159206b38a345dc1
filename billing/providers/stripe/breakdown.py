"""Tax and discounts of Stripe's sessions and invoices.

They are printed on receipts and decide nothing: what can't be read is left out.
"""

import contextlib

from billing.providers.breakdown import Breakdown, TaxPart, taxes_of
from billing.providers.stripe.amounts import Unreadable, from_stripe
from billing.providers.stripe.objects import Invoice, Session

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
    # A session doesn't say whether its prices contain the tax; its sums do.
    is_added = subtotal - told.amount_discount + told.amount_tax == total and told.amount_tax > 0
    tax = TaxPart(TAX, _ours(told.amount_tax, currency), not is_added)
    return _kept(
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
    # The buyer owes this tax: nothing is charged, and the document has to say so.
    if any(one.taxability_reason == _REVERSE_CHARGE_REASON for one in told):
        taxes = (*taxes, TaxPart(REVERSE_CHARGE, 0))
    discounts = sum(one.amount for one in invoice.total_discount_amounts or [])
    return _kept(
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


def _kept(made: Breakdown) -> Breakdown | None:
    is_sane = made.subtotal >= 0 and made.total > 0 and made.discount >= 0
    is_sane = is_sane and all(one.amount >= 0 for one in made.taxes)
    return None if made.says_nothing or not is_sane else made
