"""Payment intents, the charges that they make, setup intents, and what lies in the balance."""

from typing import Any

from tests.support.stripe_api import customers, tokens
from tests.support.stripe_api.account import Json, Refusal, StripeAccount, amended
from tests.support.stripe_api.params import Params

# Stripe's list price in the US: 2.9 % and 30 cents.
FEE_PER_MILLE, FEE_FIXED = 29, 30
DAY_S = 86_400
_DECLINES = {
    customers.DECLINED: ("card_declined", "generic_decline"),
    customers.DECLINED_LATER: ("card_declined", "generic_decline"),
    customers.NO_FUNDS: ("card_declined", "insufficient_funds"),
}


def move_balance(
    account: StripeAccount, amount: int, currency: str, kind: str, source: str, fee: int = 0
) -> Json:
    """A line of the account's own balance; amount below 0: money leaves."""
    return account.make(
        "balance_transaction",
        amount=amount,
        available_on=account.now_s + 2 * DAY_S,
        currency=currency,
        fee=fee,
        fee_details=[],
        net=amount - fee,
        reporting_category={"payment": "charge", "adjustment": "dispute"}.get(kind, kind),
        source=source,
        status="pending",
        type=kind,
    )


def make_intent(account: StripeAccount, params: Params) -> Json:
    """POST /v1/payment_intents; with confirm it is charged at once."""
    amount = params.whole("amount") or 0
    if amount <= 0:
        raise Refusal("Invalid positive integer", code="parameter_invalid_integer", param="amount")
    customer = params.text("customer")
    if customer is not None:
        account.find("customer", customer, param="customer")
    currency = params.needed("currency").lower()
    token = params.text("shared_payment_granted_token")
    method = params.text("payment_method")
    intent = new_intent(
        account,
        amount,
        currency,
        customer=customer,
        description=params.text("description"),
        metadata=params.metadata(),
        payment_method=method
        if token is None
        else tokens.card_of(account, token, amount, currency),
    )
    if not params.flag("confirm"):
        return intent
    if token is not None:
        return _confirm_by_token(account, intent, token)
    return confirm(account, intent, is_present=not params.flag("off_session"))


def _confirm_by_token(account: StripeAccount, intent: Json, token: str) -> Json:
    """Nobody is there to authenticate."""
    if account.cards[intent["payment_method"]] == customers.ASKS_EACH_TIME:
        amended(intent, status="requires_action")
        return intent
    made = confirm(account, intent, is_present=True)
    tokens.use(account, token, intent["amount"])
    return made


def confirm_intent(account: StripeAccount, params: Params, intent_id: str) -> Json:
    intent = account.find("payment_intent", intent_id)
    method = params.text("payment_method")
    if method is not None:
        amended(intent, payment_method=method)
    return confirm(account, intent, is_present=not params.flag("off_session"))


def cancel_intent(account: StripeAccount, params: Params, intent_id: str) -> Json:
    intent = account.find("payment_intent", intent_id)
    if intent["status"] in {"succeeded", "canceled"}:
        message = (
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}."
        )
        raise Refusal(message, code="payment_intent_unexpected_state")
    reason = params.text("cancellation_reason")
    amended(intent, status="canceled", cancellation_reason=reason, canceled_at=account.now_s)
    account.tell("payment_intent.canceled", intent)
    return intent


def new_intent(account: StripeAccount, amount: int, currency: str, **fields: Any) -> Json:
    made = account.make(
        "payment_intent",
        **{
            "amount": amount,
            "amount_received": 0,
            "client_secret": "pi_secret",
            "currency": currency,
            "customer": None,
            "description": None,
            "last_payment_error": None,
            "latest_charge": None,
            "next_action": None,
            "payment_method": None,
            "status": "requires_payment_method",
            **fields,
        },
    )
    account.tell("payment_intent.created", made)
    return made


def confirm(account: StripeAccount, intent: Json, *, is_present: bool) -> Json:
    """Charges the intent's card; raises Refusal (402) where its bank does not pay.

    is_present: the payer is there, and authenticates where the bank asks.
    """
    if intent["status"] == "succeeded":
        message = "This PaymentIntent's payment has already been captured."
        raise Refusal(message, code="payment_intent_unexpected_state")
    method = account.find("payment_method", intent["payment_method"], param="payment_method")
    number = account.cards[method["id"]]
    code, decline = _DECLINES.get(number, (None, None))
    if number == customers.ASKS_EACH_TIME and not is_present:
        code = decline = "authentication_required"
    if code is not None:
        _declined(account, intent, method, code, decline)
    charge = _charge(account, intent, method, "succeeded")
    kept = move_balance(
        account,
        intent["amount"],
        intent["currency"],
        "charge",
        charge["id"],
        fee=(intent["amount"] * FEE_PER_MILLE + 500) // 1000 + FEE_FIXED,
    )
    amended(charge, balance_transaction=kept["id"])
    amended(
        intent,
        amount_received=intent["amount"],
        last_payment_error=None,
        latest_charge=charge["id"],
        status="succeeded",
    )
    account.tell("charge.succeeded", charge)
    account.tell("payment_intent.succeeded", intent)
    return intent


def _declined(
    account: StripeAccount, intent: Json, method: Json, code: str, decline: str | None
) -> None:
    charge = _charge(account, intent, method, "failed")
    error = {
        "charge": charge["id"],
        "code": code,
        "decline_code": decline,
        "message": "Your card was declined.",
        "payment_method": method,
        "type": "card_error",
    }
    amended(
        intent,
        last_payment_error=error,
        latest_charge=charge["id"],
        payment_method=None,
        status="requires_payment_method",
    )
    account.tell("charge.failed", charge)
    account.tell("payment_intent.payment_failed", intent)
    more = {name: error[name] for name in ("charge", "code", "decline_code", "payment_method")}
    raise Refusal(
        "Your card was declined.", status=402, kind="card_error", payment_intent=intent, **more
    )


def _charge(account: StripeAccount, intent: Json, method: Json, status: str) -> Json:
    return account.make(
        "charge",
        amount=intent["amount"],
        amount_captured=intent["amount"] if status == "succeeded" else 0,
        amount_refunded=0,
        balance_transaction=None,
        captured=status == "succeeded",
        currency=intent["currency"],
        customer=intent["customer"],
        description=intent["description"],
        disputed=False,
        failure_code=None if status == "succeeded" else "card_declined",
        metadata=dict(intent["metadata"]),
        paid=status == "succeeded",
        payment_intent=intent["id"],
        payment_method=method["id"],
        payment_method_details={"type": "card", "card": dict(method["card"])},
        refunded=False,
        status=status,
    )


def make_setup(account: StripeAccount, customer: str, number: str, **fields: Any) -> Json:
    """A card that is saved for later, the payer being there."""
    method = customers.save_card(account, customer, number)
    made = account.make(
        "setup_intent",
        **{
            "customer": customer,
            "payment_method": method["id"],
            "status": "succeeded",
            "usage": "off_session",
            **fields,
        },
    )
    account.tell("setup_intent.succeeded", made)
    return made
