"""Describe search results, and offer actions."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from billing.reports.find_by_id import Found, Kind
from gateway.html.phrase import phrase
from kernel.clock import rfc3339

_D: Final = "/dashboard"
_A: Final = "/dashboard/admin"


class FoundLine(NamedTuple):
    """path is None if it is shown only after a switch of environment, or nowhere."""

    word: str
    found: Found
    path: str | None


class Action(NamedTuple):
    """also: further words that find it."""

    label: str
    path: str
    scope: str = ""
    also: str = ""


WORDS: Final[Mapping[Kind, str]] = {
    "topup": phrase("Top-up"),
    "order": phrase("Order"),
    "subscription": phrase("Subscription"),
    "batch": phrase("Bulk send"),
    "approval": phrase("Approval"),
    "mail": phrase("Mail"),
    "document": phrase("Document"),
    "hold": phrase("Hold"),
    "usage": phrase("Usage"),
    "refund": phrase("Refund"),
    "key": phrase("Key"),
    "endpoint": phrase("Webhook"),
    "delivery": phrase("Delivery"),
    "event": phrase("Event"),
    "replay": phrase("Replay"),
    "transfer": phrase("Transfer"),
    "app": phrase("OAuth app"),
    "account": phrase("Account"),
    "code_batch": phrase("Code batch"),
    "machine_payment": phrase("Machine payment"),
    "request": phrase("Request"),
}


def _event(one: Found) -> str:
    if one.belongs_to:
        return f"{_D}/topups/{one.belongs_to}"
    return f"{_D}/deliveries?created_after={rfc3339(one.at)}&created_before={rfc3339(one.at + 1)}"


def _transfer(one: Found) -> str:
    is_topup = one.belongs_to.startswith("txn_")
    return f"{_D}/topups/{one.belongs_to}" if is_topup else f"{_D}/statement"


_OWN: Final[Mapping[Kind, Callable[[Found], str]]] = {
    "topup": lambda one: f"{_D}/topups/{one.id}",
    "order": lambda one: f"{_D}/orders/{one.id}",
    "subscription": lambda _: f"{_D}/plan",
    "batch": lambda one: f"{_D}/batches/{one.id}",
    "approval": lambda one: f"{_D}/approvals/{one.id}",
    "mail": lambda one: f"{_D}/outbox/{one.id}",
    "document": lambda one: f"{_D}/orders/{one.belongs_to}",
    "hold": lambda _: f"{_D}/usage/holds",
    "usage": lambda _: f"{_D}/usage",
    "refund": lambda one: f"{_D}/orders/{one.belongs_to}",
    "key": lambda one: f"{_D}/keys/{one.id}",
    "endpoint": lambda one: f"{_D}/webhooks/{one.id}",
    "delivery": lambda one: f"{_D}/deliveries/{one.id}",
    "event": _event,
    "replay": lambda one: f"{_D}/replays/{one.id}",
    "transfer": _transfer,
    "app": lambda _: f"{_D}/apps",
    "request": lambda one: f"{_D}/requests/{one.id}",
}
# What has no page of the operator's is shown by its account's.
_OPERATORS: Final[Mapping[Kind, Callable[[Found], str]]] = {
    "topup": lambda one: f"{_A}/topups/{one.id}",
    "order": lambda one: f"{_A}/orders/{one.id}",
    "subscription": lambda one: f"{_A}/subscriptions/{one.id}",
    "document": lambda one: f"{_A}/orders/{one.belongs_to}",
    "refund": lambda one: f"{_A}/refunds/{one.id}",
    "code_batch": lambda one: f"{_A}/codes?batch={one.id}",
    "machine_payment": lambda one: f"{_A}/machine-payments/{one.id}",
}
_OF_TOPUP: Final = frozenset({"approval", "mail", "delivery", "event", "transfer"})
ACTIONS: Final[Sequence[Action]] = (
    Action(phrase("Send a top-up"), f"{_D}/send", "topup:send", "new credit"),
    Action(phrase("Bulk send"), f"{_D}/bulk", "topup:send", "many csv upload"),
    Action(phrase("New key"), f"{_D}/keys/new", "keys:write", "create agent api secret"),
    Action(
        phrase("New webhook"), f"{_D}/webhooks/new", "webhooks:write", "create endpoint register"
    ),
    Action(
        phrase("Decide approvals"), f"{_D}/approvals?status=pending", "topup:read", "approve deny"
    ),
    Action(phrase("Set auto-recharge"), f"{_D}/recharge", "billing:read", "automatic"),
    Action(phrase("Redeem a voucher or code"), f"{_D}/vouchers", "vouchers:read", "coupon atu"),
    Action(phrase("Failed top-ups"), f"{_D}/topups?status=failed", "topup:read", "errors"),
    Action(
        phrase("Failed deliveries"),
        f"{_D}/deliveries?status=failed",
        "webhooks:read",
        "errors replay",
    ),
)


def own_line(one: Found, environment: str) -> FoundLine:
    is_here = one.environment == environment and one.state != "deleted"
    return FoundLine(WORDS[one.kind], one, _OWN[one.kind](one) if is_here else None)


def operators_line(one: Found, environment: str) -> FoundLine:
    if one.kind == "account" or not one.environment:
        return FoundLine(WORDS[one.kind], one, f"{_A}/accounts/{one.id}")
    if one.environment != environment:
        return FoundLine(WORDS[one.kind], one, None)
    made = _OPERATORS.get(one.kind)
    if made is not None:
        return FoundLine(WORDS[one.kind], one, made(one))
    is_of_topup = one.kind in _OF_TOPUP and one.belongs_to.startswith("txn_")
    place = f"topups/{one.belongs_to}" if is_of_topup else f"accounts/{one.account_id}"
    return FoundLine(WORDS[one.kind], one, f"{_A}/{place}")


def actions_for(text: str, scopes: frozenset[str], say: Callable[[str], str]) -> list[Action]:
    """Return the reader's actions that have every word of the text; all for an empty text."""
    words = text.lower().split()
    return [
        action
        for action in ACTIONS
        if (not action.scope or action.scope in scopes)
        and all(
            word in f"{action.label} {say(action.label)} {action.also}".lower() for word in words
        )
    ]
