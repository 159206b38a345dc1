"""Publish the schemas of events: one type's JSON Schema, an example of it, and the whole catalogue."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from kernel.clock import parse_rfc3339
from kernel.words import Environment, EventSequence, Time
from webhooks.events.event import API_VERSION, EVENT_TYPES, render_event
from webhooks.events.sample import sample_data
from webhooks.events.schemas import TYPES

PATH: Final = "/docs/events"
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_EXAMPLE_TIME_US: Final = parse_rfc3339("2026-06-13T12:00:00Z")
_EXAMPLE_ENDPOINT: Final[Mapping[str, Any]] = {
    "id": "we_test",
    "url": "https://example.com/hook",
    "events": [],
    "description": "",
    "status": "enabled",
    "disabled_reason": None,
    "retry_schedule_s": [0, 5, 30],
    "rate_limit_per_s": None,
    "ordered": False,
    "include_codes": False,
    "include_approval_links": False,
    "filter": None,
    "headers": {},
    "created_at": "2026-06-13T12:00:00Z",
}


def event_schema(event_type: str, *, id_: str | None = None) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a whole event of that type; id_ becomes its $id."""
    known = TYPES[event_type]
    fields: list[tuple[Any, ...]] = [
        ("id", Annotated[str, Meta(pattern=r"^evt_[0-9A-Za-z]+$", description="Remember it.")]),
        ("type", Literal[event_type]),
        ("created_at", Time),
        ("environment", Environment),
        ("api_version", Literal[API_VERSION]),
        ("sequence", EventSequence | UnsetType, UNSET),
        ("data", known.data),
    ]
    struct = msgspec.defstruct("Event", fields, kw_only=True)
    struct.__doc__ = "The body of a webhook; the raw bytes are what is signed."
    named = {} if id_ is None else {"$id": id_}
    return {
        "$schema": DIALECT,
        **named,
        "title": event_type,
        "description": known.sentence,
        **msgspec.json.schema(struct),
    }


def event_example(event_type: str) -> dict[str, Any]:
    """Return an event of that type that names nothing real, as a test ping sends it."""
    body = render_event(
        id="evt_test",
        type=event_type,
        created_at_us=_EXAMPLE_TIME_US,
        environment="staging",
        sequence=1,
        data=sample_data(event_type, _EXAMPLE_ENDPOINT, now_us=_EXAMPLE_TIME_US),
    )
    return dict(msgspec.json.decode(body))


def catalogue(address: str) -> dict[str, Any]:
    return {
        "api_version": API_VERSION,
        "types": {
            event_type: {
                "description": TYPES[event_type].sentence,
                "schema": event_schema(event_type, id_=f"{address}{PATH}/{event_type}"),
                "example": event_example(event_type),
            }
            for event_type in EVENT_TYPES
        },
    }
