"""Store and show a webhook's headers with its attempt.

An attempt shows all sent headers in order; the values of signatures and the tenant's own are masked. Nine
headers are the same in each message except for its timestamp and what its delivery says, so only the
timestamp is stored of them [80 bytes of a row instead of 350]. An attempt whose message begins otherwise has
all of them in its row.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from kernel.trace import PARENT_HEADER, REQUEST_ID_HEADER
from keys.signatures.signing import (
    ID_HEADER,
    SIGNATURE_HEADER,
    STANDARD_HEADER,
    TIMESTAMP_HEADER,
)
from webhooks.deliveries.sealed import MASKED

USER_AGENT: Final = "AiTopUp-Webhooks/1"
EVENT_HEADER: Final = "X-AiTopUp-Event"
DELIVERY_HEADER: Final = "X-AiTopUp-Delivery"
ATTEMPT_HEADER: Final = "X-AiTopUp-Attempt"
# The headers whose values are stored with the attempt.
_KEPT: Final = frozenset(
    {
        "Content-Type",
        "User-Agent",
        EVENT_HEADER,
        DELIVERY_HEADER,
        ATTEMPT_HEADER,
        ID_HEADER,
        TIMESTAMP_HEADER,
        REQUEST_ID_HEADER,
        PARENT_HEADER,
    }
)
# Stored rows depend on this: another first value or name needs a second form beside this one.
_CONSTANT: Final = [("Content-Type", "application/json"), ("User-Agent", "AiTopUp-Webhooks/1")]
_OF_DELIVERY: Final = [
    *(EVENT_HEADER, DELIVERY_HEADER, ATTEMPT_HEADER),
    *(SIGNATURE_HEADER, ID_HEADER, TIMESTAMP_HEADER, STANDARD_HEADER),
]
_TOLD: Final = len(_CONSTANT) + len(_OF_DELIVERY)
_TIMESTAMP: Final = _TOLD - 2
_encode = msgspec.json.Encoder().encode


def kept(headers: Sequence[tuple[str, str]]) -> str:
    """Encode a message's headers as JSON; the first name says which form it is, because no message begins
    with the timestamp.
    """
    is_told = headers[:2] == _CONSTANT and [name for name, _ in headers[2:_TOLD]] == _OF_DELIVERY
    rest = headers[_TOLD:] if is_told else headers
    found = {TIMESTAMP_HEADER: headers[_TIMESTAMP][1]} if is_told else {}
    for name, value in rest:
        found[name] = value if name in _KEPT else MASKED
    return _encode(found).decode()


def shown(
    found: Mapping[str, str], *, delivery_id: str, event_id: str, event_type: str, number: int
) -> Mapping[str, str]:
    if next(iter(found), None) != TIMESTAMP_HEADER:
        return found
    told = [event_type, delivery_id, str(number), MASKED, event_id, "", MASKED]
    return dict([*_CONSTANT, *zip(_OF_DELIVERY, told, strict=True), *found.items()])
