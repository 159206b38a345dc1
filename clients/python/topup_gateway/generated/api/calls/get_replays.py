from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.get_replays_format import GetReplaysFormat
from ...models.replay_page_answer import ReplayPageAnswer
from ...types import UNSET, Unset


def get_replays(
    *,
    limit: int | Unset = 50,
    cursor: str | Unset = UNSET,
    format_: GetReplaysFormat | Unset = "json",
) -> Call[ReplayPageAnswer]:
    """List replays.

    Scope: `webhooks:read`.
    """

    params: dict[str, Any] = {}

    params["limit"] = limit

    params["cursor"] = cursor

    json_format_: str | Unset = UNSET
    if not isinstance(format_, Unset):
        json_format_ = format_

    params["format"] = json_format_

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {}
    _kwargs["params"] = params
    return Call(
        method="GET",
        path="/api/public/v1/replays",
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> ReplayPageAnswer:
    if response.status_code == 200:
        response_200 = ReplayPageAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
