"""An event's type, as views show it."""

from typing import Annotated

from msgspec import Meta

from webhooks.events.event import EVENT_TYPES

EventTypeWord = Annotated[
    str, Meta(description="Which event it is.", extra_json_schema={"enum": list(EVENT_TYPES)})
]
Types = Annotated[list[EventTypeWord], Meta(description="Event types; empty: all.")]
