"""Subscriptions: begun, changed with proration, cancelled, paused and resumed.

Prorations are reckoned to the second and rounded to the smallest unit, a line each: what is unused of
the old price is credited, what remains of the period is charged at the new one. They wait for the next
invoice (create_prorations), are invoiced at once (always_invoice), or are not made (none). Another
interval begins a new period at once.
"""

import calendar
from collections.abc import Sequence
from datetime import UTC, datetime

from tests.support.stripe_api import catalog, customers, invoices, schedules
from tests.support.stripe_api.account import Json, Refusal, StripeAccount, amended
from tests.support.stripe_api.invoices import Span
from tests.support.stripe_api.params import Params

DAY_S = 86_400
_MONTHS = {"month": 1, "year": 12}
ENDED = frozenset({"canceled", "incomplete_expired"})


def next_end(anchor_s: int, start_s: int, recurring: Json) -> int:
    """When the period that starts then ends: on the anchor's day and time, or that month's last day."""
    anchor = datetime.fromtimestamp(anchor_s, UTC)
    if recurring["interval"] not in _MONTHS:
        days = {"day": 1, "week": 7}[recurring["interval"]] * recurring["interval_count"]
        return start_s + int(days) * DAY_S
    step = _MONTHS[recurring["interval"]] * recurring["interval_count"]
    months = end_s = 0
    while end_s <= start_s:
        months += step
        year, month = divmod(anchor.year * 12 + anchor.month - 1 + months, 12)
        day = min(anchor.day, calendar.monthrange(year, month + 1)[1])
        end_s = int(anchor.replace(year=year, month=month + 1, day=day).timestamp())
    return end_s


def begin(
    account: StripeAccount,
    customer: str,
    priced: Sequence[tuple[Json, int]],
    *,
    method: str | None,
    trial_end: int | None = None,
    discounts: Sequence[str] = (),
    tax_rates: Sequence[str] = (),
    metadata: Json | None = None,
    is_present: bool = False,
) -> Json:
    """A new subscription and its first invoice, paid or not; priced: prices and how many of each."""
    price = priced[0][0]
    end = trial_end or next_end(account.now_s, account.now_s, price["recurring"])
    made = account.make(
        "subscription",
        billing_cycle_anchor=trial_end or account.now_s,
        cancel_at=None,
        cancel_at_period_end=False,
        canceled_at=None,
        cancellation_details={"comment": None, "feedback": None, "reason": None},
        collection_method="charge_automatically",
        currency=price["currency"],
        customer=customer,
        default_payment_method=method,
        default_tax_rates=list(tax_rates),
        discounts=list(discounts),
        ended_at=None,
        items={"object": "list", "has_more": False, "data": []},
        latest_invoice=None,
        metadata=dict(metadata or {}),
        pause_collection=None,
        pending_update=None,
        schedule=None,
        start_date=account.now_s,
        status="incomplete" if trial_end is None else "trialing",
        trial_end=trial_end,
        trial_start=None if trial_end is None else account.now_s,
    )
    for one, quantity in priced:
        _add_item(account, made, one, quantity, Span(account.now_s, end))
    account.tell("customer.subscription.created", made)
    invoice = bill(account, made, "subscription_create")
    collect(account, made, invoice, is_present=is_present)
    return made


def _add_item(
    account: StripeAccount, subscription: Json, price: Json, quantity: int, span: Span
) -> None:
    item = account.make(
        "subscription_item",
        current_period_start=span.start,
        current_period_end=span.end,
        discounts=[],
        price=price,
        quantity=quantity,
        subscription=subscription["id"],
        tax_rates=[],
    )
    subscription["items"]["data"].append(item)


def bill(
    account: StripeAccount,
    subscription: Json,
    reason: str,
    *,
    with_period: bool = True,
    is_delayed: bool = False,
) -> Json:
    """The invoice of the current period (with_period) and of what waits; is_delayed: final in an hour."""
    lines = [_pending_line(account, one) for one in pending(account, subscription)]
    if with_period:
        lines += [_period_line(account, subscription, x) for x in subscription["items"]["data"]]
    invoice = invoices.draft(
        account,
        subscription["customer"],
        reason,
        lines,
        automatically_finalizes_at=account.now_s + 3600 if is_delayed else None,
        currency=subscription["currency"],
        discounts=subscription["discounts"],
        subscription=subscription,
        tax_rates=subscription["default_tax_rates"],
    )
    for one in pending(account, subscription):
        one["invoice"] = invoice["id"]
    amended(subscription, latest_invoice=invoice["id"])
    if with_period:
        kept = [one for one in subscription["discounts"] if catalog.lasts(account, one)]
        amended(subscription, discounts=kept)
    if not is_delayed:
        invoices.finalize(account, invoice)
    return invoice


def collect(
    account: StripeAccount, subscription: Json, invoice: Json, *, is_present: bool = False
) -> bool:
    """Whether the invoice is paid; the subscription's standing follows."""
    method = subscription["default_payment_method"] or customers.default_card(
        account, subscription["customer"]
    )
    is_paid = invoices.pay(account, invoice, method, is_present=is_present)
    status = subscription["status"]
    if is_paid and status in {"incomplete", "past_due"}:
        _stand(account, subscription, "active")
    if not is_paid:
        tries = int(invoice["attempt_count"])
        if tries > len(account.retry_days):
            amended(invoice, next_payment_attempt=None)
            end(account, subscription, reason="payment_failed")
        else:
            days = account.retry_days[tries - 1]
            amended(invoice, next_payment_attempt=account.now_s + days * DAY_S)
            if status in {"active", "trialing"}:
                _stand(account, subscription, "past_due")
    return is_paid


def pending(account: StripeAccount, subscription: Json) -> list[Json]:
    """Prorations and items of the subscription that no invoice has."""
    return account.every("invoiceitem", subscription=subscription["id"], invoice=None)


def update(account: StripeAccount, params: Params, subscription_id: str) -> Json:
    """POST /v1/subscriptions/{id}; with error_if_incomplete nothing changes where it is not paid."""
    if {"cancel_at_period_end", "cancel_at"} & set(params.fields):
        schedules.refuse_if_managed(account.find("subscription", subscription_id))
    if params.text("payment_behavior") != "error_if_incomplete":
        return _update(account, params, subscription_id)
    tried = account.rehearsal()
    changed = _update(tried, params, subscription_id)
    latest = tried.find("invoice", changed["latest_invoice"])
    if latest["status"] == "open":
        raise Refusal(
            "Your card was declined.", status=402, kind="card_error", code="card_declined"
        )
    account.become(tried)
    return changed


def _update(account: StripeAccount, params: Params, subscription_id: str) -> Json:
    one = account.find("subscription", subscription_id)
    if one["status"] in ENDED:
        message = "A canceled subscription can only update its cancellation_details and metadata."
        raise Refusal(message, code="resource_missing")
    changes: Json = {"metadata": params.metadata(one["metadata"])}
    if "cancel_at_period_end" in params:
        is_ending = params.flag("cancel_at_period_end")
        changes["cancel_at_period_end"] = is_ending
        changes["cancel_at"] = one["items"]["data"][0]["current_period_end"] if is_ending else None
        changes["canceled_at"] = account.now_s if is_ending else None
    elif "cancel_at" in params:
        ends_at = params.whole("cancel_at")
        changes |= {"cancel_at": ends_at, "cancel_at_period_end": False}
    if "pause_collection" in params:
        changes["pause_collection"] = _pause(params.inner("pause_collection"))
    changes |= _taxes_and_discounts(account, params)
    if params.text("default_payment_method") is not None:
        changes["default_payment_method"] = params.text("default_payment_method")
    before = amended(one, **changes)
    behaviour = params.text("proration_behavior") or "create_prorations"
    is_new_period = _change_items(account, one, params, behaviour)
    if params.text("trial_end") == "now" and one["status"] == "trialing":
        before |= amended(one, status="active", trial_end=account.now_s)
        is_new_period = True
    if is_new_period:
        _restart(account, one)
    account.tell("customer.subscription.updated", one, **before)
    if is_new_period or (behaviour == "always_invoice" and pending(account, one)):
        invoice = bill(account, one, "subscription_update", with_period=is_new_period)
        collect(account, one, invoice)
    return one


def _pause(params: Params) -> Json | None:
    """Null where the form empties it."""
    if not params.fields:
        return None
    return {"behavior": params.needed("behavior"), "resumes_at": params.whole("resumes_at")}


def _taxes_and_discounts(account: StripeAccount, params: Params) -> Json:
    changes: Json = {}
    if "default_tax_rates" in params:
        changes["default_tax_rates"] = params.texts("default_tax_rates")
    if "discounts" in params:
        coupons = [row.needed("coupon") for row in params.rows("discounts")]
        made = [catalog.discount_of(account, name, "discounts[0][coupon]") for name in coupons]
        changes["discounts"] = [discount["id"] for discount in made]
    return changes


def resume(account: StripeAccount, params: Params, subscription_id: str) -> Json:
    """POST /v1/subscriptions/{id}/resume: one of the status paused, in a period that begins now."""
    one = account.find("subscription", subscription_id)
    if one["status"] != "paused":
        raise Refusal("Only a paused subscription can be resumed.", code="resource_missing")
    before = amended(one, status="active")
    account.tell("customer.subscription.resumed", one, **before)
    return one


def _change_items(account: StripeAccount, one: Json, params: Params, behaviour: str) -> bool:
    """Whether a new period has to begin."""
    is_new_period = False
    for row in params.rows("items"):
        item = account.find("subscription_item", row.needed("id"), param="items[0][id]")
        old, old_quantity = item["price"], item["quantity"]
        is_priced = "price" in row or "price_data" in row
        price = catalog.price_of(account, row, param="items[0][price]") if is_priced else old
        given = row.whole("quantity")
        quantity = old_quantity if given is None else given
        if (price, quantity) == (old, old_quantity):
            continue
        has_new_interval = price["recurring"] != old["recurring"]
        is_charged = behaviour != "none" and one["status"] not in {"trialing", "incomplete"}
        if is_charged:
            _prorate(account, one, item, old, -old_quantity)
        item |= {"price": price, "quantity": quantity}
        if is_charged and not has_new_interval:
            _prorate(account, one, item, price, quantity)
        is_new_period = is_new_period or (has_new_interval and one["status"] != "trialing")
    return is_new_period


def _prorate(account: StripeAccount, one: Json, item: Json, price: Json, quantity: int) -> None:
    """What remains of the period at that price, as an item of the next invoice."""
    start, end_s = item["current_period_start"], item["current_period_end"]
    whole = price["unit_amount"] * quantity
    word = "Unused" if quantity < 0 else "Remaining"
    account.make(
        "invoiceitem",
        amount=round(whole * (end_s - account.now_s) / (end_s - start)),
        currency=one["currency"],
        customer=one["customer"],
        description=f"{word} time on {price['id']}",
        invoice=None,
        period={"start": account.now_s, "end": end_s},
        price=price,
        proration=True,
        quantity=abs(quantity),
        subscription=one["id"],
        subscription_item=item["id"],
    )


def _restart(account: StripeAccount, one: Json) -> None:
    amended(one, billing_cycle_anchor=account.now_s)
    for item in one["items"]["data"]:
        item["current_period_start"] = account.now_s
        item["current_period_end"] = next_end(
            account.now_s, account.now_s, item["price"]["recurring"]
        )


def cancel(account: StripeAccount, params: Params, subscription_id: str) -> Json:
    """DELETE /v1/subscriptions/{id}: now. What is unused is credited where it says so."""
    one = account.find("subscription", subscription_id)
    if one["status"] in ENDED:
        message = f"No such subscription: '{subscription_id}'"
        raise Refusal(message, status=404, code="resource_missing", param="id")
    if params.flag("prorate"):
        for item in one["items"]["data"]:
            _prorate(account, one, item, item["price"], -item["quantity"])
    if params.flag("invoice_now") and pending(account, one):
        collect(account, one, bill(account, one, "subscription_update", with_period=False))
    end(account, one, reason="cancellation_requested")
    return one


def end(account: StripeAccount, one: Json, *, reason: str) -> None:
    """It is over; what it still owes is not tried again."""
    for invoice in account.every("invoice"):
        if invoice["id"] == one["latest_invoice"] and invoice["status"] == "open":
            amended(invoice, auto_advance=False, next_payment_attempt=None)
    amended(
        one,
        canceled_at=one["canceled_at"] or account.now_s,
        cancellation_details={"comment": None, "feedback": None, "reason": reason},
        ended_at=account.now_s,
        status="canceled",
    )
    account.tell("customer.subscription.deleted", one)


def delete_customer(account: StripeAccount, params: Params, customer_id: str) -> Json:
    """Its subscriptions end, its cards are nobody's; it can still be shown, and says it was deleted."""
    one = account.find("customer", customer_id)
    if one.get("deleted"):
        message = f"No such customer: '{customer_id}'"
        raise Refusal(message, status=404, code="resource_missing", param="id")
    for subscription in account.every("subscription", customer=customer_id):
        if subscription["status"] not in ENDED:
            end(account, subscription, reason="cancellation_requested")
    for card in account.every("payment_method", customer=customer_id):
        amended(card, customer=None)
    account.tell("customer.deleted", one)
    one.clear()
    one.update({"id": customer_id, "object": "customer", "deleted": True})
    return one


def preview(account: StripeAccount, params: Params) -> Json:
    """POST /v1/invoices/create_preview: the next invoice, were the change made; nothing is kept."""
    tried = account.rehearsal()
    tried.retry_days = ()
    one = tried.find("subscription", params.needed("subscription"), param="subscription")
    details = params.inner("subscription_details")
    known = {invoice["id"] for invoice in tried.every("invoice")}
    _update(tried, details, one["id"])
    made = [x for x in tried.every("invoice") if x["id"] not in known]
    if not made:
        renew(tried, one, is_delayed=True)
        made = [x for x in tried.every("invoice") if x["id"] not in known]
    return {**made[-1], "id": f"upcoming_{made[-1]['id']}", "status": "draft"}


def renew(account: StripeAccount, one: Json, *, is_delayed: bool = True) -> Json:
    """The next period begins, and its invoice is drafted."""
    schedules.pass_on(account, one)
    for item in one["items"]["data"]:
        start = item["current_period_end"]
        item["current_period_start"] = start
        anchor = one["billing_cycle_anchor"]
        item["current_period_end"] = next_end(anchor, start, item["price"]["recurring"])
    before = amended(one, status="active") if one["status"] == "trialing" else {}
    account.tell("customer.subscription.updated", one, **before)
    invoice = bill(account, one, "subscription_cycle", is_delayed=is_delayed)
    if one["pause_collection"] is not None:
        _leave_unpaid(account, invoice, one["pause_collection"]["behavior"])
    return invoice


def _leave_unpaid(account: StripeAccount, invoice: Json, behavior: str) -> None:
    """What becomes of an invoice of a time in which nothing is collected."""
    amended(invoice, automatically_finalizes_at=None, auto_advance=False)
    if behavior == "void":
        amended(invoice, status="void")
        account.tell("invoice.voided", invoice)
    elif behavior == "mark_uncollectible":
        amended(invoice, status="uncollectible")
        account.tell("invoice.marked_uncollectible", invoice)


def go_on(account: StripeAccount, one: Json) -> None:
    """Payments are collected again, since the time that was named has come."""
    before = amended(one, pause_collection=None)
    account.tell("customer.subscription.updated", one, **before)


def _stand(account: StripeAccount, one: Json, status: str) -> None:
    before = amended(one, status=status)
    account.tell("customer.subscription.updated", one, **before)


def _period_line(account: StripeAccount, subscription: Json, item: Json) -> Json:
    price, is_trial = item["price"], subscription["status"] == "trialing"
    return invoices.line(
        account,
        0 if is_trial else price["unit_amount"] * item["quantity"],
        Span(item["current_period_start"], item["current_period_end"]),
        currency=subscription["currency"],
        description="Trial period" if is_trial else f"{item['quantity']} x {price['id']}",
        price=price,
        quantity=item["quantity"],
        parent=_parent(subscription["id"], item["id"], None),
    )


def _pending_line(account: StripeAccount, item: Json) -> Json:
    is_prorated = bool(item["proration"])
    return invoices.line(
        account,
        item["amount"],
        Span(item["period"]["start"], item["period"]["end"]),
        currency=item["currency"],
        description=item["description"],
        price=item["price"],
        quantity=item["quantity"],
        parent=_parent(item["subscription"], item["subscription_item"], item["id"]),
        is_discountable=not is_prorated,
    )


def _parent(subscription: str, item: str, invoice_item: str | None) -> Json:
    details = {
        "invoice_item": invoice_item,
        "proration": invoice_item is not None,
        "proration_details": {"credited_items": None},
        "subscription": subscription,
        "subscription_item": item,
    }
    return {
        "type": "subscription_item_details",
        "invoice_item_details": None,
        "subscription_item_details": details,
    }
