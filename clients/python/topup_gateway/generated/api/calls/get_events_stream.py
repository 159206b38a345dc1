from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.event_type import EventType
from ...types import UNSET, Unset


def get_events_stream(
    *,
    after: str | Unset = UNSET,
    type_: EventType | Unset = UNSET,
) -> Call[str]:
    """Stream events.

    Server-sent events; a client that reconnects sends Last-Event-ID. Scope: `webhooks:read`.
    """

    params: dict[str, Any] = {}

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
        path="/api/public/v1/events/stream",
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> str:
    if response.status_code == 200:
        response_200 = response.text
        return response_200

    raise unexpected(response)
