"""Refunds, and disputes by the payer's bank.

A refund succeeds at once unless the card says otherwise: then it is pending until `settle`, or fails
after it had succeeded. A dispute takes its amount and a fee at once; one that is won gives both back.
"""

from tests.support.stripe_api import customers, payments
from tests.support.stripe_api.account import Json, Refusal, StripeAccount, amended
from tests.support.stripe_api.params import Params

EVIDENCE_S = 9 * 86_400
DISPUTE_FEE = 1500
REASONS = frozenset({"duplicate", "fraudulent", "requested_by_customer"})


def make_refund(account: StripeAccount, params: Params) -> Json:
    """POST /v1/refunds of a payment intent or a charge; the whole rest unless it says how much."""
    charge = _charge_of(account, params)
    left = charge["amount"] - charge["amount_refunded"]
    given = params.whole("amount")
    amount = left if given is None else given
    _check(charge, amount, left, params.text("reason"))
    number = account.cards[charge["payment_method"]]
    made = account.make(
        "refund",
        amount=amount,
        balance_transaction=None,
        charge=charge["id"],
        currency=charge["currency"],
        destination_details={"type": "card", "card": {"type": "refund"}},
        failure_reason=None,
        metadata=params.metadata(),
        payment_intent=charge["payment_intent"],
        reason=params.text("reason"),
        status="pending" if number == customers.REFUND_PENDING else "succeeded",
    )
    kept = payments.move_balance(account, -amount, charge["currency"], "refund", made["id"])
    amended(made, balance_transaction=kept["id"])
    refunded = charge["amount_refunded"] + amount
    amended(charge, amount_refunded=refunded, refunded=refunded == charge["amount"])
    account.tell("refund.created", made)
    account.tell("charge.refunded", charge)
    return made


def settle(account: StripeAccount, refund_id: str, status: str = "succeeded") -> Json:
    """The bank's word on a refund: succeeded or failed, also after it had succeeded."""
    made = account.find("refund", refund_id)
    if status == "failed":
        _fail(account, made)
    before = amended(made, status=status)
    account.tell("refund.updated", made, **before)
    if status == "failed":
        account.tell("refund.failed", made)
    return made


def cancel_refund(account: StripeAccount, params: Params, refund_id: str) -> Json:
    made = account.find("refund", refund_id)
    if made["status"] not in {"pending", "requires_action"}:
        raise Refusal("This refund cannot be canceled.", code="resource_missing")
    return settle(account, refund_id, "canceled")


def _fail(account: StripeAccount, made: Json) -> None:
    """Its money is in the balance again, and the charge counts it no longer."""
    kept = payments.move_balance(
        account, made["amount"], made["currency"], "refund_failure", made["id"]
    )
    amended(made, failure_balance_transaction=kept["id"], failure_reason="expired_or_canceled_card")
    charge = account.find("charge", made["charge"])
    refunded = charge["amount_refunded"] - made["amount"]
    amended(charge, amount_refunded=refunded, refunded=False)


def _charge_of(account: StripeAccount, params: Params) -> Json:
    intent_id, charge_id = params.text("payment_intent"), params.text("charge")
    if charge_id is not None:
        return account.find("charge", charge_id, param="charge")
    if intent_id is None:
        message = "One of the following params should be provided: payment_intent or charge."
        raise Refusal(message, code="parameter_missing", param="charge")
    intent = account.find("payment_intent", intent_id, param="payment_intent")
    if intent["status"] != "succeeded":
        raise Refusal(
            f"This PaymentIntent ({intent_id}) does not have a successful charge to refund."
        )
    return account.find("charge", intent["latest_charge"])


def _check(charge: Json, amount: int, left: int, reason: str | None) -> None:
    if charge["disputed"]:
        message = f"Charge {charge['id']} has been charged back; cannot issue a refund."
        raise Refusal(message, code="charge_disputed")
    if left == 0:
        message = f"Charge {charge['id']} has already been refunded."
        raise Refusal(message, code="charge_already_refunded")
    if not 0 < amount <= left:
        message = f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})"
        raise Refusal(message, param="amount")
    if reason is not None and reason not in REASONS:
        raise Refusal("Invalid reason", param="reason")


def dispute(account: StripeAccount, charge_id: str, amount: int | None = None) -> Json:
    """The payer's bank takes the payment, or an amount of it, back for now."""
    charge = account.find("charge", charge_id)
    made = account.make(
        "dispute",
        amount=charge["amount"] - charge["amount_refunded"] if amount is None else amount,
        balance_transactions=[],
        charge=charge_id,
        currency=charge["currency"],
        evidence={},
        evidence_details={
            "due_by": account.now_s + EVIDENCE_S,
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        is_charge_refundable=False,
        payment_intent=charge["payment_intent"],
        reason="fraudulent",
        status="needs_response",
    )
    amended(charge, disputed=True)
    account.tell("charge.dispute.created", made)
    kept = payments.move_balance(
        account, -made["amount"], made["currency"], "adjustment", made["id"], fee=DISPUTE_FEE
    )
    made["balance_transactions"].append(kept)
    account.tell("charge.dispute.funds_withdrawn", made)
    return made


def close_dispute(account: StripeAccount, dispute_id: str, *, is_won: bool) -> Json:
    """The bank's decision."""
    made = account.find("dispute", dispute_id)
    amended(made, status="won" if is_won else "lost")
    account.tell("charge.dispute.closed", made)
    if is_won:
        kept = payments.move_balance(
            account, made["amount"], made["currency"], "adjustment", made["id"], fee=-DISPUTE_FEE
        )
        made["balance_transactions"].append(kept)
        account.tell("charge.dispute.funds_reinstated", made)
    return made


def answer_dispute(account: StripeAccount, params: Params, dispute_id: str) -> Json:
    """POST /v1/disputes/{id}: evidence, sent to the bank where it says so."""
    made = account.find("dispute", dispute_id)
    details = made["evidence_details"] | {"has_evidence": True}
    changes: Json = {"evidence": params.inner("evidence").fields, "evidence_details": details}
    if params.flag("submit", default=True):
        changes["status"] = "under_review"
        details["submission_count"] += 1
    before = amended(made, **changes)
    account.tell("charge.dispute.updated", made, **before)
    return made


def give_up_dispute(account: StripeAccount, params: Params, dispute_id: str) -> Json:
    return close_dispute(account, dispute_id, is_won=False)
