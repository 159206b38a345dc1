"""Find an event's object and its page in the dashboard, by family of event types."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from gateway.html.phrase import phrase

_D: Final = "/dashboard"
Data = Mapping[str, Any]


class EventObject(NamedTuple):
    word: str
    id: str
    path: str


def event_object(
    event_type: str, transaction_id: str | None, data: Data | None = None
) -> EventObject | None:
    """Return None if the object has no page, or it is a sample."""
    known = data or {}
    if known.get("test"):
        return None
    return _FAMILIES[event_type.partition(".")[0]](transaction_id, known)


def _topup(transaction_id: str | None, data: Data) -> EventObject | None:
    topup_id = transaction_id or data.get("transaction_id")
    if not topup_id:
        return None
    return EventObject(phrase("Top-up"), topup_id, f"{_D}/topups/{topup_id}")


def _order(reference: str | None, data: Data) -> EventObject | None:
    """Return the order. Its reference only looks like a top-up's ID."""
    order_id = data.get("order_id") or data.get("id")
    if order_id:
        return EventObject(phrase("Order"), order_id, f"{_D}/orders/{order_id}")
    if not reference:
        return None
    return EventObject(phrase("Order"), reference, f"{_D}/search?q={quote(reference, safe='')}")


def _recharge(reference: str | None, data: Data) -> EventObject | None:
    order_id = data.get("order_id")
    if not order_id and not reference:
        return EventObject(phrase("Auto-recharge"), "", f"{_D}/recharge") if data else None
    return _order(reference, {"order_id": order_id})


def _dispute(_: str | None, data: Data) -> EventObject | None:
    """Return the operators' page: only they see disputes."""
    if not data.get("order_id"):
        return None
    return EventObject(phrase("Order"), data["order_id"], f"{_D}/admin/orders/{data['order_id']}")


def _by_id(word: str, path: str) -> Callable[[str | None, Data], EventObject | None]:

    def rule(_: str | None, data: Data) -> EventObject | None:
        object_id = data.get("id") or data.get("key_id")
        return EventObject(word, object_id, path.format(id=object_id)) if object_id else None

    return rule


def _nothing(_: str | None, __: Data) -> EventObject | None:
    return None


_FAMILIES: Final[Mapping[str, Callable[[str | None, Data], EventObject | None]]] = {
    "topup": _topup,
    "voucher": _topup,
    "approval": _topup,
    "order": _order,
    "recharge": _recharge,
    "dispute": _dispute,
    "batch": _by_id(phrase("Bulk send"), f"{_D}/batches/{{id}}"),
    "subscription": _by_id(phrase("Subscription"), f"{_D}/plan"),
    "key": _by_id(phrase("Key"), f"{_D}/keys/{{id}}"),
    "endpoint": _by_id(phrase("Webhook"), f"{_D}/webhooks/{{id}}"),
    "credit": _nothing,
    "balance": _nothing,
    "stock": _nothing,
}
