from typing import Any
from urllib.parse import quote

import httpx

from ....call import Call, unexpected
from ...models.event_answer import EventAnswer


def get_events_event_id(
    event_id: str,
) -> Call[EventAnswer]:
    """Show an event.

    Scope: `webhooks:read`.
    """

    _kwargs: dict[str, Any] = {}
    return Call(
        method="GET",
        path="/api/public/v1/events/{event_id}".format(
            event_id=quote(str(event_id), safe=""),
        ),
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> EventAnswer:
    if response.status_code == 200:
        response_200 = EventAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
