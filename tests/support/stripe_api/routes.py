"""Which function does what a request asks; everything else is listed or shown as it is."""

import re
from collections.abc import Callable
from typing import Any

from tests.support.stripe_api import (
    catalog,
    checkout,
    customers,
    invoices,
    payments,
    refunds,
    schedules,
    subscriptions,
    tokens,
    webhooks,
)
from tests.support.stripe_api.account import Json, Refusal, StripeAccount, amended
from tests.support.stripe_api.lists import listed
from tests.support.stripe_api.params import Params

# Collections with the kind of their objects.
COLLECTIONS = {
    "balance_transactions": "balance_transaction",
    "charges": "charge",
    "checkout/sessions": "checkout.session",
    "coupons": "coupon",
    "customers": "customer",
    "disputes": "dispute",
    "events": "event",
    "invoice_payments": "invoice_payment",
    "invoiceitems": "invoiceitem",
    "invoices": "invoice",
    "payment_intents": "payment_intent",
    "payment_methods": "payment_method",
    "prices": "price",
    "products": "product",
    "refunds": "refund",
    "setup_intents": "setup_intent",
    "subscription_schedules": "subscription_schedule",
    "subscriptions": "subscription",
    "tax_rates": "tax_rate",
    "webhook_endpoints": "webhook_endpoint",
}
ACTIONS: tuple[tuple[str, Callable[..., Json]], ...] = (
    ("POST /v1/billing_portal/sessions", checkout.open_portal),
    ("POST /v1/checkout/sessions", checkout.open_session),
    ("POST /v1/checkout/sessions/ID/expire", checkout.expire),
    ("POST /v1/coupons", catalog.make_coupon),
    ("POST /v1/customers", customers.make_customer),
    ("POST /v1/customers/ID", customers.update_customer),
    ("DELETE /v1/customers/ID", subscriptions.delete_customer),
    ("POST /v1/customers/ID/balance_transactions", customers.make_adjustment),
    ("POST /v1/disputes/ID", refunds.answer_dispute),
    ("POST /v1/disputes/ID/close", refunds.give_up_dispute),
    ("POST /v1/invoiceitems", invoices.make_item),
    ("POST /v1/invoices", invoices.make_invoice),
    ("POST /v1/invoices/create_preview", subscriptions.preview),
    ("POST /v1/invoices/ID/finalize", invoices.finalize_invoice),
    ("POST /v1/invoices/ID/pay", invoices.pay_invoice),
    ("POST /v1/invoices/ID/send", invoices.send_invoice),
    ("POST /v1/invoices/ID/void", invoices.void_invoice),
    ("GET /v1/shared_payment/granted_tokens/ID", tokens.show),
    ("GET /v1/payment_intents/search", tokens.search),
    ("POST /v1/payment_intents", payments.make_intent),
    ("POST /v1/payment_intents/ID/cancel", payments.cancel_intent),
    ("POST /v1/payment_intents/ID/confirm", payments.confirm_intent),
    ("POST /v1/payment_methods/ID/attach", customers.attach_card),
    ("POST /v1/payment_methods/ID/detach", customers.detach_card),
    ("POST /v1/prices", catalog.make_price),
    ("POST /v1/products", catalog.make_product),
    ("POST /v1/refunds", refunds.make_refund),
    ("POST /v1/refunds/ID/cancel", refunds.cancel_refund),
    ("POST /v1/subscription_schedules", schedules.make),
    ("POST /v1/subscription_schedules/ID", schedules.update),
    ("POST /v1/subscription_schedules/ID/release", schedules.release),
    ("POST /v1/subscriptions/ID", subscriptions.update),
    ("POST /v1/subscriptions/ID/resume", subscriptions.resume),
    ("DELETE /v1/subscriptions/ID", subscriptions.cancel),
    ("POST /v1/tax_rates", catalog.make_tax_rate),
    ("POST /v1/webhook_endpoints", webhooks.make_endpoint),
    ("POST /v1/webhook_endpoints/ID", webhooks.update_endpoint),
    ("DELETE /v1/webhook_endpoints/ID", webhooks.drop_endpoint),
)
_ACTIONS = [(re.compile(one.replace("ID", r"(\w+_\w+)")), act) for one, act in ACTIONS]
_OF_CUSTOMER = re.compile(r"/v1/customers/(\w+)/(\w+)")
_OF_INVOICE = re.compile(r"/v1/invoices/(\w+)/lines")


def answered(account: StripeAccount, method: str, path: str, params: Params) -> Json:
    """What the request brings about and answers; raises Refusal."""
    for pattern, act in _ACTIONS:
        if (found := pattern.fullmatch(f"{method} {path}")) is not None:
            return act(account, params, *found.groups())
    if method == "GET" and path == "/v1/account":
        return {"id": "acct_standin", "object": "account", "charges_enabled": True}
    if method == "GET" and path == "/v1/balance":
        return {"object": "balance", "livemode": False, "available": [], "pending": []}
    if method == "GET":
        return _read(account, path, params)
    if method == "POST" and (found := re.fullmatch(r"/v1/([\w/]+)/(\w+_\w+)", path)):
        return _amend(account, _kind(found[1]), found[2], params)
    raise _unknown(method, path)


def _read(account: StripeAccount, path: str, params: Params) -> Json:
    if (found := _OF_CUSTOMER.fullmatch(path)) is not None:
        kinds = {"balance_transactions": "customer_balance_transaction"}
        kind = kinds.get(found[2]) or _kind(found[2])
        account.find("customer", found[1])
        return listed(account, kind, path, params, customer=found[1])
    if (found := _OF_INVOICE.fullmatch(path)) is not None:
        return dict[str, Any](account.find("invoice", found[1])["lines"])
    collection = path.removeprefix("/v1/")
    if collection in COLLECTIONS:
        return listed(account, COLLECTIONS[collection], path, params)
    head, _, object_id = collection.rpartition("/")
    return account.find(_kind(head), object_id)


def _amend(account: StripeAccount, kind: str, object_id: str, params: Params) -> Json:
    """Metadata can be changed of everything, whether a price or product is sold too."""
    one = account.find(kind, object_id)
    amended(one, metadata=params.metadata(one["metadata"]))
    if "active" in params and "active" in one:
        amended(one, active=params.flag("active"))
    return one


def _kind(collection: str) -> str:
    if collection not in COLLECTIONS:
        raise _unknown("GET", f"/v1/{collection}")
    return COLLECTIONS[collection]


def _unknown(method: str, path: str) -> Refusal:
    return Refusal(f"Unrecognized request URL ({method}: {path}).", status=404)
