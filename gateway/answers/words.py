"""The words of answers that only the gateway knows all of: scopes and event types."""

from typing import Annotated

from msgspec import Meta

from webhooks.events.event import EVENT_TYPES

# Below it lies our own API.
API_PREFIX = "/api/public/v1"
EventTypeWord = Annotated[
    str, Meta(description="Which event it is.", extra_json_schema={"enum": list(EVENT_TYPES)})
]
