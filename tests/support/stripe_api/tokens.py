"""Shared payment tokens: granted to the account by somebody's agent, looked at, charged once."""

import re

from tests.support.stripe_api import customers
from tests.support.stripe_api.account import Json, Refusal, StripeAccount, amended
from tests.support.stripe_api.params import Params

KIND = "shared_payment.granted_token"
LIFE_S = 900


def grant(
    account: StripeAccount,
    cents: int,
    number: str = customers.PAYS,
    *,
    currency: str = "usd",
    life_s: int = LIFE_S,
) -> str:
    """A token of that card, for so much; its id."""
    method = customers.save_card(account, None, number)
    made = account.make(
        KIND,
        deactivated_at=None,
        deactivated_reason=None,
        usage_details={"amount_captured": {"currency": currency, "value": 0}},
        usage_limits={
            "currency": currency,
            "expires_at": account.now_s + life_s,
            "max_amount": cents,
        },
    )
    account.unseen[made["id"]] = method["id"]
    return str(made["id"])


def card_of(account: StripeAccount, token: str, amount: int, currency: str) -> str:
    """The token's payment method; raises Refusal where it does not allow the charge."""
    found = account.find(KIND, token, param="shared_payment_granted_token")
    limits = found["usage_limits"]
    is_over = found["deactivated_at"] is not None or limits["expires_at"] <= account.now_s
    if is_over or limits["currency"] != currency or limits["max_amount"] < amount:
        raise Refusal("The token does not allow this.", code="shared_payment_granted_token_invalid")
    return str(account.unseen[token])


def use(account: StripeAccount, token: str, amount: int) -> None:
    """It was charged; it cannot be again."""
    found = account.find(KIND, token)
    used = {"currency": found["usage_limits"]["currency"], "value": amount}
    amended(
        found,
        deactivated_at=account.now_s,
        deactivated_reason="consumed",
        usage_details={"amount_captured": used},
    )


def show(account: StripeAccount, _params: Params, token: str) -> Json:
    """GET /v1/shared_payment/granted_tokens/ID"""
    return account.find(KIND, token)


def search(account: StripeAccount, params: Params) -> Json:
    """GET /v1/payment_intents/search, by one value of metadata."""
    asked = re.fullmatch(r"metadata\['(\w+)'\]:'(\w+)'", params.needed("query"))
    if asked is None:
        raise Refusal("The query cannot be read.", param="query")
    found = [
        one for one in account.every("payment_intent") if one["metadata"].get(asked[1]) == asked[2]
    ]
    return {"object": "search_result", "data": found, "has_more": False}
