"""Invoices: their lines, what is taken off and comes on top, and how they are paid.

What is due is the lines less discounts, with tax, less what the customer has at Stripe. A total below
0 is credit to the customer, and the invoice is paid with nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.support.stripe_api import catalog, customers, payments
from tests.support.stripe_api.account import Json, Refusal, StripeAccount, amended
from tests.support.stripe_api.params import Params

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Span:
    """From and to, in seconds."""

    start: int
    end: int


def line(
    account: StripeAccount,
    amount: int,
    span: Span,
    *,
    currency: str = "usd",
    description: str = "",
    price: Json | None = None,
    quantity: int = 1,
    parent: Json | None = None,
    is_discountable: bool = True,
) -> Json:
    """A line; parent says which subscription's item or which invoice item made it."""
    return account.make(
        "line_item",
        amount=amount,
        currency=currency,
        description=description,
        discount_amounts=[],
        discountable=is_discountable,
        discounts=[],
        parent=parent,
        period={"start": span.start, "end": span.end},
        pricing=None
        if price is None
        else {
            "type": "price_details",
            "price_details": {"price": price["id"], "product": price["product"]},
            "unit_amount_decimal": str(price["unit_amount"]),
        },
        quantity=quantity,
        subtotal=amount,
        taxes=[],
    )


def draft(
    account: StripeAccount,
    customer: str,
    reason: str,
    lines: Sequence[Json],
    *,
    currency: str = "usd",
    discounts: Sequence[str] = (),
    tax_rates: Sequence[str] = (),
    subscription: Json | None = None,
    **fields: Any,
) -> Json:
    """An invoice that is not final; one of a subscription carries that one's metadata."""
    made = account.make(
        "invoice",
        **{
            "amount_paid": 0,
            "attempt_count": 0,
            "attempted": False,
            "auto_advance": True,
            "automatically_finalizes_at": None,
            "billing_reason": reason,
            "collection_method": "charge_automatically",
            "currency": currency,
            "customer": customer,
            "default_payment_method": None,
            "default_tax_rates": list(tax_rates),
            "description": None,
            "discounts": list(discounts),
            "due_date": None,
            "ending_balance": None,
            "hosted_invoice_url": None,
            "invoice_pdf": None,
            "lines": {"object": "list", "has_more": False, "data": list(lines)},
            "next_payment_attempt": None,
            "number": None,
            "parent": None
            if subscription is None
            else {
                "type": "subscription_details",
                "quote_details": None,
                "subscription_details": {
                    "metadata": dict(subscription["metadata"]),
                    "subscription": subscription["id"],
                },
            },
            "starting_balance": 0,
            "status": "draft",
            "status_transitions": {"finalized_at": None, "paid_at": None},
            **fields,
        },
    )
    for one in lines:
        one["invoice"] = made["id"]
    reckon(account, made)
    account.tell("invoice.created", made)
    return made


def reckon(account: StripeAccount, invoice: Json) -> None:
    """The sums, of the lines as they are."""
    rows = invoice["lines"]["data"]
    subtotal = sum(row["amount"] for row in rows)
    open_to_less = sum(row["amount"] for row in rows if row["discountable"])
    less: list[Json] = []
    for discount in invoice["discounts"]:
        amount = catalog.less_by(account, discount, max(0, open_to_less))
        open_to_less -= amount
        less.append({"amount": amount, "discount": discount})
    net = subtotal - sum(one["amount"] for one in less)
    taxes = [
        {
            "amount": round(net * account.find("tax_rate", rate)["percentage"] / 100),
            "tax_behavior": "exclusive",
            "tax_rate_details": {"tax_rate": rate},
            "taxable_amount": net,
            "type": "tax_rate_details",
        }
        for rate in invoice["default_tax_rates"]
    ]
    total = net + sum(int(one["amount"]) for one in taxes)
    customer = account.find("customer", invoice["customer"])
    due = max(0, total + customer["balance"]) if total > 0 else 0
    invoice |= {
        "amount_due": due,
        "amount_remaining": due,
        "starting_balance": customer["balance"],
        "subtotal": subtotal,
        "total": total,
        "total_discount_amounts": less,
        "total_excluding_tax": net,
        "total_taxes": taxes,
    }


def finalize(account: StripeAccount, invoice: Json) -> Json:
    """The sums stand, the customer's balance is used, and it can be paid; with nothing due it is."""
    if invoice["status"] != "draft":
        raise Refusal("This invoice is already finalized.", code="invoice_not_editable")
    reckon(account, invoice)
    # What is not due is paid by the balance; a total below 0 goes into it.
    moved = invoice["total"] - invoice["amount_due"]
    customers.adjust_balance(
        account, invoice["customer"], moved, type="applied_to_invoice", invoice=invoice["id"]
    )
    hosted = f"https://invoice.stripe.com/i/{invoice['id']}"
    amended(
        invoice,
        automatically_finalizes_at=None,
        ending_balance=account.find("customer", invoice["customer"])["balance"],
        hosted_invoice_url=hosted,
        invoice_pdf=f"{hosted}/pdf",
        number=invoice["id"].upper().replace("_", "-"),
        status="open",
    )
    invoice["status_transitions"]["finalized_at"] = account.now_s
    if invoice["amount_due"] > 0:
        intent = payments.new_intent(
            account, invoice["amount_due"], invoice["currency"], customer=invoice["customer"]
        )
        account.make(
            "invoice_payment",
            amount_paid=None,
            amount_requested=invoice["amount_due"],
            currency=invoice["currency"],
            invoice=invoice["id"],
            is_default=True,
            payment={"type": "payment_intent", "payment_intent": intent["id"]},
            status="open",
        )
    account.tell("invoice.finalized", invoice)
    if invoice["amount_due"] == 0:
        _paid(account, invoice)
    return invoice


def pay(
    account: StripeAccount, invoice: Json, method: str | None, *, is_present: bool = False
) -> bool:
    """Whether it is paid now: charged to the payment method, unless nothing is due."""
    if invoice["status"] == "paid":
        return True
    (kept,) = account.every("invoice_payment", invoice=invoice["id"])
    intent = account.find("payment_intent", kept["payment"]["payment_intent"])
    amended(intent, payment_method=method)
    amended(invoice, attempted=True, attempt_count=invoice["attempt_count"] + 1)
    try:
        payments.confirm(account, intent, is_present=is_present)
    except Refusal as error:
        account.tell("invoice.payment_failed", invoice)
        if error.error.get("code") == "authentication_required":
            account.tell("invoice.payment_action_required", invoice)
        return False
    amended(kept, amount_paid=invoice["amount_due"], status="paid")
    _paid(account, invoice)
    account.tell("invoice_payment.paid", kept)
    return True


def _paid(account: StripeAccount, invoice: Json) -> None:
    amended(
        invoice,
        amount_paid=invoice["amount_due"],
        amount_remaining=0,
        attempted=True,
        next_payment_attempt=None,
        status="paid",
    )
    invoice["status_transitions"]["paid_at"] = account.now_s
    account.tell("invoice.paid", invoice)
    account.tell("invoice.payment_succeeded", invoice)


def make_invoice(account: StripeAccount, params: Params) -> Json:
    """POST /v1/invoices: a draft, with the customer's pending items where these are asked for."""
    customer = params.needed("customer")
    account.find("customer", customer, param="customer")
    days = params.whole("days_until_due")
    return draft(
        account,
        customer,
        "manual",
        [],
        currency=params.text("currency") or "usd",
        auto_advance=params.flag("auto_advance"),
        collection_method=params.text("collection_method") or "charge_automatically",
        due_date=None if days is None else account.now_s + days * DAY_S,
        metadata=params.metadata(),
    )


def make_item(account: StripeAccount, params: Params) -> Json:
    """POST /v1/invoiceitems: on the invoice that it names, else pending for the next one."""
    customer, invoice_id = params.needed("customer"), params.text("invoice")
    account.find("customer", customer, param="customer")
    amount = params.whole("amount") or 0
    item = account.make(
        "invoiceitem",
        amount=amount,
        currency=params.text("currency") or "usd",
        customer=customer,
        description=params.text("description"),
        invoice=invoice_id,
        metadata=params.metadata(),
        parent=None,
        period={"start": account.now_s, "end": account.now_s},
        proration=False,
    )
    if invoice_id is not None:
        invoice = account.find("invoice", invoice_id, param="invoice")
        details = {"invoice_item": item["id"], "proration": False, "subscription": None}
        made = line(
            account,
            amount,
            Span(account.now_s, account.now_s),
            currency=item["currency"],
            description=item["description"] or "",
            parent={"type": "invoice_item_details", "invoice_item_details": details},
        )
        made["invoice"] = invoice_id
        invoice["lines"]["data"].append(made)
        reckon(account, invoice)
    return item


def finalize_invoice(account: StripeAccount, params: Params, invoice_id: str) -> Json:
    return finalize(account, account.find("invoice", invoice_id))


def send_invoice(account: StripeAccount, params: Params, invoice_id: str) -> Json:
    invoice = account.find("invoice", invoice_id)
    if invoice["status"] == "draft":
        finalize(account, invoice)
    account.tell("invoice.sent", invoice)
    return invoice


def pay_invoice(account: StripeAccount, params: Params, invoice_id: str) -> Json:
    """POST /v1/invoices/{id}/pay: with the method that is named, else the customer's."""
    invoice = account.find("invoice", invoice_id)
    method = params.text("payment_method") or customers.default_card(account, invoice["customer"])
    if not pay(account, invoice, method):
        raise Refusal(
            "Your card was declined.", status=402, kind="card_error", code="card_declined"
        )
    return invoice


def void_invoice(account: StripeAccount, params: Params, invoice_id: str) -> Json:
    invoice = account.find("invoice", invoice_id)
    if invoice["status"] not in {"open", "uncollectible"}:
        raise Refusal("You can only pass in open invoices.", code="invoice_not_editable")
    amended(invoice, status="void", next_payment_attempt=None)
    account.tell("invoice.voided", invoice)
    return invoice
