"""Checkout sessions, and what payers do on their pages."""

from dataclasses import dataclass

from tests.support.stripe_api import catalog, customers, payments, subscriptions
from tests.support.stripe_api.account import Json, Refusal, StripeAccount, amended
from tests.support.stripe_api.params import Params

MINUTE_S, DAY_S = 60, 86_400


@dataclass(frozen=True, slots=True)
class Asked:
    """What a session was made with, for the payer's turn; rows: prices and how many of each."""

    rows: list[tuple[Json, int]]
    trial_end: int | None
    discounts: list[str]
    params: Params


def open_session(account: StripeAccount, params: Params) -> Json:
    """POST /v1/checkout/sessions of mode payment, subscription or setup."""
    mode = params.needed("mode")
    customer = params.text("customer")
    if customer is not None:
        account.find("customer", customer, param="customer")
    rows = _priced(account, params, mode)
    trial = _trial_end(account, params.inner("subscription_data"))
    subtotal = 0 if trial is not None else sum(p["unit_amount"] * n for p, n in rows)
    coupons = [row.needed("coupon") for row in params.rows("discounts")]
    discounts = [
        catalog.discount_of(account, name, "discounts[0][coupon]")["id"] for name in coupons
    ]
    less = sum(catalog.less_by(account, one, subtotal) for one in discounts)
    made = account.make(
        "checkout.session",
        amount_subtotal=None if mode == "setup" else subtotal,
        amount_total=None if mode == "setup" else subtotal - less,
        cancel_url=params.text("cancel_url"),
        client_reference_id=params.text("client_reference_id"),
        currency=rows[0][0]["currency"] if rows else params.text("currency"),
        customer=customer,
        customer_details=None,
        customer_email=params.text("customer_email"),
        expires_at=_expires_at(account, params),
        invoice=None,
        metadata=params.metadata(),
        mode=mode,
        payment_intent=None,
        payment_status="no_payment_required" if mode == "setup" else "unpaid",
        setup_intent=None,
        status="open",
        subscription=None,
        success_url=params.text("success_url"),
    )
    made["url"] = f"https://checkout.stripe.com/c/pay/{made['id']}"
    account.unseen[made["id"]] = Asked(rows, trial, discounts, params)
    return made


def pay(account: StripeAccount, session_id: str, card: str = customers.PAYS) -> bool:
    """Whether the payer's card paid; the page stays open where it did not."""
    session = account.find("checkout.session", session_id)
    if session["status"] != "open":
        return False
    tried = account.rehearsal()
    try:
        _complete(tried, tried.find("checkout.session", session_id), card)
    except Refusal:
        return False
    account.become(tried)
    return True


def pay_later(account: StripeAccount, session_id: str) -> None:
    """The payer is done, and the money is on its way, as with a bank debit."""
    session = account.find("checkout.session", session_id)
    amended(session, status="complete", url=None)
    account.tell("checkout.session.completed", session)


def arrive(account: StripeAccount, session_id: str, *, is_paid: bool) -> None:
    """What became of money on its way."""
    session = account.find("checkout.session", session_id)
    if not is_paid:
        account.tell("checkout.session.async_payment_failed", session)
        return
    _take_payment(account, session, customers.PAYS)
    amended(session, payment_status="paid")
    account.tell("checkout.session.async_payment_succeeded", session)


def expire(account: StripeAccount, params: Params, session_id: str) -> Json:
    session = account.find("checkout.session", session_id)
    if session["status"] != "open":
        raise Refusal(
            'Only Checkout Sessions with a status in ["open"] can be expired. This Session has a '
            f"status of {session['status']}."
        )
    end_unpaid(account, session)
    return session


def end_unpaid(account: StripeAccount, session: Json) -> None:
    amended(session, status="expired", url=None)
    account.tell("checkout.session.expired", session)


def open_portal(account: StripeAccount, params: Params) -> Json:
    customer = params.needed("customer")
    account.find("customer", customer, param="customer")
    made = account.make("billing_portal.session", customer=customer)
    made["url"] = f"https://billing.stripe.com/p/session/{made['id']}"
    return made


def _complete(account: StripeAccount, session: Json, card: str) -> None:
    if session["mode"] == "payment":
        _take_payment(account, session, card)
        status = "paid" if session["amount_total"] else "no_payment_required"
    elif session["mode"] == "subscription":
        status = _subscribe(account, session, card)
    else:
        customer = session["customer"] or _customer(account, session)
        asked = account.unseen[session["id"]].params.inner("setup_intent_data")
        made = payments.make_setup(account, customer, card, metadata=asked.metadata())
        amended(session, setup_intent=made["id"], customer=customer)
        status = "no_payment_required"
    amended(session, payment_status=status, status="complete", url=None)
    account.tell("checkout.session.completed", session)


def _take_payment(account: StripeAccount, session: Json, card: str) -> None:
    asked: Params = account.unseen[session["id"]].params
    data = asked.inner("payment_intent_data")
    saves = data.text("setup_future_usage") is not None
    customer = session["customer"]
    if customer is None and (saves or asked.text("customer_creation") == "always"):
        customer = _customer(account, session)
    method = customers.save_card(account, customer if saves else None, card)
    if not session["amount_total"]:
        return
    intent = payments.new_intent(
        account,
        session["amount_total"],
        session["currency"],
        customer=customer,
        description=data.text("description"),
        metadata=data.metadata(),
        payment_method=method["id"],
        setup_future_usage=data.text("setup_future_usage"),
    )
    payments.confirm(account, intent, is_present=True)
    amended(session, payment_intent=intent["id"], customer=customer)


def _subscribe(account: StripeAccount, session: Json, card: str) -> str:
    asked: Asked = account.unseen[session["id"]]
    data = asked.params.inner("subscription_data")
    customer = session["customer"] or _customer(account, session)
    method = customers.save_card(account, customer, card)
    made = subscriptions.begin(
        account,
        customer,
        asked.rows,
        method=method["id"],
        trial_end=asked.trial_end,
        discounts=asked.discounts,
        tax_rates=data.texts("default_tax_rates"),
        metadata=data.metadata(),
        is_present=True,
    )
    if made["status"] == "incomplete":
        raise Refusal("Your card was declined.", status=402, kind="card_error")
    invoice = account.find("invoice", made["latest_invoice"])
    amended(
        session,
        amount_total=invoice["total"],
        customer=customer,
        invoice=invoice["id"],
        subscription=made["id"],
    )
    return "paid" if invoice["amount_paid"] else "no_payment_required"


def _customer(account: StripeAccount, session: Json) -> str:
    made = customers.make_customer(account, Params({"email": session["customer_email"] or ""}))
    return str(made["id"])


def _priced(account: StripeAccount, params: Params, mode: str) -> list[tuple[Json, int]]:
    rows = [
        (
            catalog.price_of(account, row, param=f"line_items[{place}][price]"),
            row.whole("quantity") or 1,
        )
        for place, row in enumerate(params.rows("line_items"))
    ]
    if not rows and mode != "setup":
        raise Refusal(
            "Missing required param: line_items.", code="parameter_missing", param="line_items"
        )
    if mode == "subscription" and not any(price["recurring"] for price, _ in rows):
        raise Refusal(
            "You must provide at least one recurring price in `subscription` mode.", param="mode"
        )
    return rows


def _trial_end(account: StripeAccount, data: Params) -> int | None:
    days = data.whole("trial_period_days")
    return data.whole("trial_end") if days is None else account.now_s + days * DAY_S


def _expires_at(account: StripeAccount, params: Params) -> int:
    given = params.whole("expires_at")
    if given is None:
        return account.now_s + DAY_S
    # A minute of grace: the two sides' clocks are not one.
    if not 29 * MINUTE_S <= given - account.now_s <= DAY_S + MINUTE_S:
        message = "The `expires_at` timestamp must be within 30 minutes and 24 hours from now."
        raise Refusal(message, param="expires_at")
    return given
