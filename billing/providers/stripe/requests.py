"""Stripe's parameters for a checkout, made from the request alone: the same each time."""

from typing import Any

from billing.ledger.price import Price
from billing.providers.protocol import CheckoutRequest
from billing.providers.stripe.events import to_stripe


def idempotency_options(request: CheckoutRequest, step: str) -> Any:
    """Return one step's idempotency key; another one if the customer was made again."""
    whose = "" if request.customer_ref is None else f"/{request.customer_ref}"
    return {"idempotency_key": f"topup/{request.order_id}/{step}{whose}"}


def priced(request: CheckoutRequest) -> dict[str, Any]:
    """Return the line's price: one of Stripe's own, or the amount; a subscription's is of any period."""
    if request.product_ref is not None:
        return {"price": request.product_ref}
    full = Price(request.price.amount + request.discount, request.price.currency)
    price: dict[str, Any] = {
        "currency": full.currency.lower(),
        "unit_amount": to_stripe(full),
        "product_data": {"name": request.title},
    }
    if request.kind == "subscription":
        price["recurring"] = {"interval": request.interval or "month"}
    return {"price_data": price}


def first_discount(request: CheckoutRequest) -> dict[str, Any]:
    currency = request.price.currency
    return {
        "amount_off": to_stripe(Price(request.discount, currency)),
        "currency": currency.lower(),
        "duration": "once",
        "max_redemptions": 1,
        "metadata": {"order_id": request.order_id},
    }


def payer(request: CheckoutRequest) -> dict[str, str]:
    if request.customer_ref is not None:
        return {"customer": request.customer_ref}
    return {} if request.customer_email is None else {"customer_email": request.customer_email}
