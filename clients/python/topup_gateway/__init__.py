"""A client of the Topup Gateway: typed calls, retries that charge once, webhooks.

with Client("https://topup.example.com", key) as client:
    sent = client.topups.send(platform="claude", amount_cents=1000, recipient_email="user@example.com")
"""

from .answers import Answer, Page
from .client import AsyncClient, Client
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
from .lists import AsyncList, List
from .models import Event, TypedEvent
from .retries import Call, Retries
from .webhooks import event_of, verify

__all__ = [
    "Answer",
    "ApiError",
    "AsyncClient",
    "AsyncList",
    "BadRequest",
    "Call",
    "Client",
    "Conflict",
    "ConnectionFailed",
    "CredentialError",
    "Event",
    "GatewayError",
    "InvalidSignature",
    "List",
    "NotAllowed",
    "OutOfFunds",
    "Page",
    "Retries",
    "StillWaiting",
    "TopUpFailed",
    "TryLater",
    "TypedEvent",
    "UnexpectedAnswer",
    "event_of",
    "verify",
]
