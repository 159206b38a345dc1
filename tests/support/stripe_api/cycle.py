"""Time passes, as with Stripe's test clocks: periods end, drafts become final, cards are tried again."""

from collections.abc import Callable, Iterator
from functools import partial

from tests.support.stripe_api import checkout, invoices, subscriptions
from tests.support.stripe_api.account import Json, StripeAccount

TRIAL_NOTICE_S = 3 * 86_400
_Due = tuple[int, Callable[[], object]]


def advance(account: StripeAccount, to_s: int) -> None:
    """All that falls due until then, each at its own time."""
    while True:
        due = min(_due(account), key=lambda one: one[0], default=None)
        if due is None or due[0] > to_s:
            break
        account.now_s = max(account.now_s, due[0])
        due[1]()
    account.now_s = max(account.now_s, to_s)


def _due(account: StripeAccount) -> Iterator[_Due]:
    for session in account.every("checkout.session", status="open"):
        yield session["expires_at"], partial(checkout.end_unpaid, account, session)
    for invoice in account.every("invoice"):
        yield from _of_invoice(account, invoice)
    for one in account.every("subscription"):
        if one["status"] in subscriptions.ENDED or one["status"] == "incomplete":
            continue
        ends_at = one["items"]["data"][0]["current_period_end"]
        if one["status"] == "trialing" and one["id"] not in account.unseen:
            yield ends_at - TRIAL_NOTICE_S, partial(_tell_of_end, account, one)
        pause = one["pause_collection"]
        if pause is not None and pause["resumes_at"] is not None:
            yield pause["resumes_at"], partial(subscriptions.go_on, account, one)
        if one["cancel_at"] is not None and one["cancel_at"] < ends_at:
            reason = "cancellation_requested"
            yield one["cancel_at"], partial(subscriptions.end, account, one, reason=reason)
        yield ends_at, partial(_end_period, account, one)


def _of_invoice(account: StripeAccount, invoice: Json) -> Iterator[_Due]:
    if invoice["status"] == "draft" and invoice["automatically_finalizes_at"] is not None:
        at_s = invoice["automatically_finalizes_at"]
        yield at_s, partial(_charge, account, invoice, is_final=False)
    if invoice["status"] == "open" and invoice["next_payment_attempt"] is not None:
        yield invoice["next_payment_attempt"], partial(_charge, account, invoice, is_final=True)


def _charge(account: StripeAccount, invoice: Json, *, is_final: bool) -> None:
    details = invoice["parent"]["subscription_details"]
    one = account.find("subscription", details["subscription"])
    if not is_final:
        invoices.finalize(account, invoice)
    subscriptions.collect(account, one, invoice)


def _end_period(account: StripeAccount, one: Json) -> None:
    if one["cancel_at_period_end"]:
        subscriptions.end(account, one, reason="cancellation_requested")
    else:
        subscriptions.renew(account, one)


def _tell_of_end(account: StripeAccount, one: Json) -> None:
    account.tell("customer.subscription.trial_will_end", one)
    account.unseen[one["id"]] = "told of its trial's end"
