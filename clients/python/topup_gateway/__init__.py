"""A client of the Topup Gateway: typed calls, retries that charge once, webhooks, events.

with Gateway("https://topup.example.com", key) as gateway:
    sent = gateway.send(SendBody("claude", 1000, recipient_email="user@example.com"))
"""

from .attempts import Retries
from .call import Call
from .errors import (
    ApiError,
    BadRequest,
    Conflict,
    ConnectionFailed,
    CredentialError,
    GatewayError,
    InvalidSignature,
    NotAllowed,
    OutOfFunds,
    StillWaiting,
    TopUpFailed,
    TryLater,
    UnexpectedAnswer,
)
from .gateway import AsyncGateway, Gateway, SendAnswer
from .generated.events import TypedEvent
from .generated.models import Event, SendBody
from .generated.types import UNSET, Unset
from .webhooks import event_of, verify

__all__ = [
    "UNSET",
    "ApiError",
    "AsyncGateway",
    "BadRequest",
    "Call",
    "Conflict",
    "ConnectionFailed",
    "CredentialError",
    "Event",
    "Gateway",
    "GatewayError",
    "InvalidSignature",
    "NotAllowed",
    "OutOfFunds",
    "Retries",
    "SendAnswer",
    "SendBody",
    "StillWaiting",
    "TopUpFailed",
    "TryLater",
    "TypedEvent",
    "UnexpectedAnswer",
    "Unset",
    "event_of",
    "verify",
]
