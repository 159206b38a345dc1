"""Tax and discounts of Stripe's sessions and invoices, in our words.

They are printed on receipts and decide nothing: what cannot be read is left out.
"""

from billing.providers.breakdown import Breakdown, TaxPart, taxes_of
from billing.providers.stripe.objects import Invoice, Session

TAX = "Tax"
REVERSE_CHARGE = "Tax, reverse charge"


def session_breakdown(session: Session, factor: int, divisor: int) -> Breakdown | None:
    """Of a payment; factor and divisor make our unit of Stripe's. None where there is none to tell."""
    told, subtotal, total = session.total_details, session.amount_subtotal, session.amount_total
    if told is None or subtotal is None or total is None:
        return None
    # A session does not say whether its prices contain the tax; its sums do.
    is_added = subtotal - told.amount_discount + told.amount_tax == total and told.amount_tax > 0
    tax = TaxPart(TAX, told.amount_tax * factor // divisor, not is_added)
    return _kept(
        Breakdown(
            subtotal=subtotal * factor // divisor,
            total=total * factor // divisor,
            discount=told.amount_discount * factor // divisor,
            taxes=taxes_of([tax]),
        )
    )


def invoice_breakdown(invoice: Invoice, factor: int, divisor: int) -> Breakdown | None:
    """Of an invoice, as of a session."""
    subtotal, total = invoice.subtotal, invoice.total
    if subtotal is None or total is None:
        return None
    taxes = [
        TaxPart(
            REVERSE_CHARGE if one.taxability_reason == "reverse_charge" else TAX,
            one.amount * factor // divisor,
            one.is_included,
        )
        for one in invoice.total_taxes or invoice.total_tax_amounts or []
    ]
    discounts = sum(one.amount for one in invoice.total_discount_amounts or [])
    return _kept(
        Breakdown(
            subtotal=subtotal * factor // divisor,
            total=total * factor // divisor,
            discount=discounts * factor // divisor,
            taxes=taxes_of(taxes),
            from_balance=max(0, total - invoice.amount_paid) * factor // divisor,
        )
    )


def _kept(made: Breakdown) -> Breakdown | None:
    """Only what says something: of an ordinary payment there is nothing to keep."""
    is_sane = made.subtotal >= 0 and made.total > 0 and made.discount >= 0
    is_sane = is_sane and all(one.amount >= 0 for one in made.taxes)
    return None if made.says_nothing or not is_sane else made
