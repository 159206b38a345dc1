"""How an event is shown: its body, as its webhooks carried it."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from kernel.words import Environment, EventIdText, EventSequence, Time
from webhooks.events.event_type import EventTypeWord


class Event(Struct, kw_only=True):
    """An event: the exact body that its webhooks carry."""

    id: EventIdText
    type: EventTypeWord
    created_at: Time
    environment: Environment
    api_version: Literal["v1"]
    data: Annotated[dict[str, Any], Meta(description="By type; see the webhooks of this document.")]
    # Last because readers of the CSV go by a column's position.
    sequence: EventSequence | UnsetType = UNSET
