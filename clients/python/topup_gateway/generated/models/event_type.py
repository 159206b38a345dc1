from typing import Literal, cast

EventType = Literal[
    "approval.approved",
    "approval.cancelled",
    "approval.denied",
    "approval.expired",
    "approval.requested",
    "balance.low",
    "batch.completed",
    "credit.expired",
    "credit.expiring",
    "dispute.opened",
    "endpoint.disabled",
    "endpoint.test",
    "key.cap_near",
    "key.cap_reached",
    "key.created",
    "key.paused",
    "key.resumed",
    "key.revoked",
    "order.failed",
    "order.paid",
    "order.refunded",
    "recharge.failed",
    "recharge.succeeded",
    "stock.low",
    "subscription.canceling",
    "subscription.changed",
    "subscription.ended",
    "subscription.past_due",
    "subscription.renewed",
    "subscription.started",
    "topup.cancelled",
    "topup.claimed",
    "topup.delivered",
    "topup.failed",
    "topup.pending",
    "topup.reversed",
    "topup.scheduled",
    "voucher.redeemed",
]


def check_event_type(value: str) -> EventType:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(EventType, value)
