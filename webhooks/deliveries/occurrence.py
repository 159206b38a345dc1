"""The body of a delivery to an MCP client: an EventOccurrence instead of our event. Pure.

Made of the stored body each time, so that no second one is stored. `cursor` is a position at or before which
nothing of the subscription is open, as of its last refresh.
"""

from typing import Any, Final

import msgspec

from webhooks.deliveries.stage import Claimed

SUBSCRIPTION_HEADER: Final = "X-MCP-Subscription-Id"


class _Event(msgspec.Struct):
    id: str
    type: str
    created_at: str
    data: dict[str, Any]


_decode: Final = msgspec.json.Decoder(_Event).decode
_encode: Final = msgspec.json.Encoder().encode


def occurrence_of(body: bytes) -> dict[str, Any]:
    event = _decode(body)
    return {
        "eventId": event.id,
        "name": event.type,
        "timestamp": event.created_at,
        "data": event.data,
    }


def as_occurrence(claimed: Claimed) -> Claimed:
    """Return the delivery with the body that its endpoint gets."""
    target = claimed.target
    if target.subscription_id is None:
        return claimed
    body = {**occurrence_of(claimed.body), "cursor": target.subscription_cursor}
    return claimed._replace(body=_encode(body))
