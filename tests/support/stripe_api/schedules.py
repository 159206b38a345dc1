"""Subscription schedules: phases that change a subscription when the one before ends.

While it has one a subscription is ended and resumed by the schedule alone. Source: Stripe's API reference.
"""

from tests.support.stripe_api import catalog
from tests.support.stripe_api.account import Json, Refusal, StripeAccount, amended
from tests.support.stripe_api.params import Params

MONTH_S = 30 * 86_400


def make(account: StripeAccount, params: Params) -> Json:
    """POST /v1/subscription_schedules, from a subscription: one phase, as it is."""
    one = account.find("subscription", params.needed("from_subscription"), param="subscription")
    if one["schedule"] is not None:
        raise Refusal(f"The subscription is already attached to a schedule: {one['schedule']}.")
    made = account.make(
        "subscription_schedule",
        customer=one["customer"],
        end_behavior="release",
        phases=[_running(one)],
        released_subscription=None,
        status="active",
        subscription=one["id"],
    )
    before = amended(one, schedule=made["id"])
    account.tell("subscription_schedule.created", made)
    account.tell("customer.subscription.updated", one, **before)
    return made


def update(account: StripeAccount, params: Params, schedule_id: str) -> Json:
    """POST /v1/subscription_schedules/{id}: the running phase as it is, and those after it."""
    made = _active(account, schedule_id)
    first, *later = params.rows("phases")
    running = made["phases"][0]
    dates = (first.whole("start_date"), first.whole("end_date"))
    if dates != (running["start_date"], running["end_date"]):
        raise Refusal("You can not modify the start of the current phase.", param="phases[0]")
    made["phases"] = [running, *(_phase(account, one, running["end_date"]) for one in later)]
    account.tell("subscription_schedule.updated", made)
    return made


def release(account: StripeAccount, _params: Params, schedule_id: str) -> Json:
    """POST /v1/subscription_schedules/{id}/release: the subscription goes on as it is."""
    made = _active(account, schedule_id)
    one = account.find("subscription", made["subscription"])
    amended(made, status="released", subscription=None, released_subscription=one["id"])
    before = amended(one, schedule=None)
    account.tell("subscription_schedule.released", made)
    account.tell("customer.subscription.updated", one, **before)
    return made


def pass_on(account: StripeAccount, one: Json) -> None:
    """The running phase ends with the subscription's period: the next one begins, or it is released."""
    if one["schedule"] is None:
        return
    made = _active(account, one["schedule"])
    _, *later = made["phases"]
    if not later:
        release(account, Params({}), made["id"])
        return
    item = one["items"]["data"][0]
    metadata = {**one["metadata"], **later[0]["metadata"]}
    one["metadata"] = {name: value for name, value in metadata.items() if value}
    (chosen,) = later[0]["items"]
    price = account.find("price", chosen["price"])
    item |= {"price": price, "quantity": chosen["quantity"]}
    one["billing_cycle_anchor"] = item["current_period_end"]
    made["phases"] = later


def refuse_if_managed(one: Json) -> None:
    """Its end is the schedule's to say."""
    if one["schedule"] is not None:
        raise Refusal(
            f"The subscription is managed by the subscription schedule `{one['schedule']}`, and"
            " updating any cancelation behavior directly is not allowed."
        )


def _active(account: StripeAccount, schedule_id: str) -> Json:
    made = account.find("subscription_schedule", schedule_id)
    if made["status"] != "active":
        raise Refusal(f"The schedule is {made['status']}.")
    return made


def _running(one: Json) -> Json:
    item = one["items"]["data"][0]
    return {
        "start_date": item["current_period_start"],
        "end_date": item["current_period_end"],
        "items": [{"price": item["price"]["id"], "quantity": item["quantity"]}],
        "default_tax_rates": [{"id": name} for name in one["default_tax_rates"]],
        "discounts": [{"discount": name} for name in one["discounts"]],
        "metadata": {},
    }


def _phase(account: StripeAccount, row: Params, start_s: int) -> Json:
    """A later one, which lasts a month."""
    (item,) = row.rows("items")
    price = catalog.price_of(account, item, param="phases[1][items][0][price]")
    return {
        "start_date": start_s,
        "end_date": start_s + MONTH_S,
        "items": [{"price": price["id"], "quantity": item.whole("quantity") or 1}],
        "metadata": row.inner("metadata").fields,
    }
