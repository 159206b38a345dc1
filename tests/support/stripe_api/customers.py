"""Customers, what they have at Stripe (a balance below 0 is credit), and their cards."""

from typing import Any

from tests.support.stripe_api.account import Json, Refusal, StripeAccount, amended
from tests.support.stripe_api.params import Params

# "Testing": what each card does. One that is not here pays.
PAYS = "4242424242424242"
DECLINED = "4000000000000002"
NO_FUNDS = "4000000000009995"
DECLINED_LATER = "4000000000000341"  # it can be saved, and every charge of it is declined
ASKS_EACH_TIME = "4000002760003184"  # its bank wants the payer to authenticate
REFUND_PENDING = "4000000000007726"
REFUND_FAILS = "4000000000005126"


def make_customer(account: StripeAccount, params: Params) -> Json:
    made = account.make(
        "customer",
        balance=0,
        currency=None,
        delinquent=False,
        description=params.text("description"),
        email=params.text("email"),
        invoice_settings={
            "default_payment_method": params.inner("invoice_settings").text(
                "default_payment_method"
            )
        },
        metadata=params.metadata(),
        name=params.text("name"),
        tax_exempt="none",
    )
    account.tell("customer.created", made)
    return made


def update_customer(account: StripeAccount, params: Params, customer_id: str) -> Json:
    one = account.find("customer", customer_id)
    changes: Json = {name: params.text(name) for name in ("email", "name") if name in params}
    changes["metadata"] = params.metadata(one["metadata"])
    method = params.inner("invoice_settings").text("default_payment_method")
    if method is not None:
        account.find("payment_method", method, param="invoice_settings[default_payment_method]")
        changes["invoice_settings"] = {"default_payment_method": method}
    before = amended(one, **changes)
    account.tell("customer.updated", one, **before)
    return one


def adjust_balance(
    account: StripeAccount, customer_id: str, amount: int, **fields: Any
) -> Json | None:
    """Below 0 gives credit, above takes it; null where nothing moves."""
    one = account.find("customer", customer_id)
    if amount == 0:
        return None
    before = amended(one, balance=one["balance"] + amount)
    account.tell("customer.updated", one, **before)
    return account.make(
        "customer_balance_transaction",
        **{
            "amount": amount,
            "currency": "usd",
            "customer": customer_id,
            "ending_balance": one["balance"],
            "type": "adjustment",
            **fields,
        },
    )


def make_adjustment(account: StripeAccount, params: Params, customer_id: str) -> Json:
    amount = params.whole("amount")
    made = None if amount is None else adjust_balance(account, customer_id, amount)
    if made is None:
        raise Refusal("Amount must be non-zero.", param="amount")
    return made


def save_card(account: StripeAccount, customer_id: str | None, number: str = PAYS) -> Json:
    """A card as a payment method, attached where there is a customer."""
    made = account.make(
        "payment_method",
        billing_details={"email": None, "name": None},
        card={"brand": "visa", "exp_month": 8, "exp_year": 2034, "last4": number[-4:]},
        customer=customer_id,
        type="card",
    )
    account.cards[made["id"]] = number
    if customer_id is not None:
        account.tell("payment_method.attached", made)
    return made


def replace_card(account: StripeAccount, customer_id: str, number: str) -> Json:
    """The customer gives another card, in the portal: invoices and subscriptions are paid with it."""
    made = save_card(account, customer_id, number)
    one = account.find("customer", customer_id)
    before = amended(one, invoice_settings={"default_payment_method": made["id"]})
    account.tell("customer.updated", one, **before)
    for subscription in account.every("subscription", customer=customer_id):
        if subscription["status"] != "canceled":
            was = amended(subscription, default_payment_method=made["id"])
            account.tell("customer.subscription.updated", subscription, **was)
    return made


def detach_card(account: StripeAccount, params: Params, method_id: str) -> Json:
    one = account.find("payment_method", method_id)
    before = amended(one, customer=None)
    account.tell("payment_method.detached", one, **before)
    return one


def attach_card(account: StripeAccount, params: Params, method_id: str) -> Json:
    one = account.find("payment_method", method_id)
    amended(one, customer=params.needed("customer"))
    account.tell("payment_method.attached", one)
    return one


def default_card(account: StripeAccount, customer_id: str) -> str | None:
    """What invoices are paid with: the customer's default."""
    customer = account.find("customer", customer_id)
    found = customer["invoice_settings"]["default_payment_method"]
    return None if found is None else str(found)
