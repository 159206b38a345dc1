from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.event_page_answer import EventPageAnswer
from ...models.event_type import EventType
from ...models.get_events_format import GetEventsFormat
from ...types import UNSET, Unset


def get_events(
    *,
    limit: int | Unset = 50,
    cursor: str | Unset = UNSET,
    format_: GetEventsFormat | Unset = "json",
    after: str | Unset = UNSET,
    type_: EventType | Unset = UNSET,
) -> Call[EventPageAnswer]:
    """List or poll events.

    Newest first; with `after` oldest first, and then next_cursor is never null: it is where the
    next poll goes on, so that no event is missed. A cursor behind which events are missing is
    refused, and oldest_cursor says where to go on. Scope: `webhooks:read`.
    """

    params: dict[str, Any] = {}

    params["limit"] = limit

    params["cursor"] = cursor

    json_format_: str | Unset = UNSET
    if not isinstance(format_, Unset):
        json_format_ = format_

    params["format"] = json_format_

    params["after"] = after

    json_type_: str | Unset = UNSET
    if not isinstance(type_, Unset):
        json_type_ = type_

    params["type"] = json_type_

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {}
    _kwargs["params"] = params
    return Call(
        method="GET",
        path="/api/public/v1/events",
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> EventPageAnswer:
    if response.status_code == 200:
        response_200 = EventPageAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
