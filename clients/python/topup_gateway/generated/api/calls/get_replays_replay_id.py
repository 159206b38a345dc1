from typing import Any
from urllib.parse import quote

import httpx

from ....call import Call, unexpected
from ...models.replay_answer import ReplayAnswer


def get_replays_replay_id(
    replay_id: str,
) -> Call[ReplayAnswer]:
    """Show a replay.

    Scope: `webhooks:read`.
    """

    _kwargs: dict[str, Any] = {}
    return Call(
        method="GET",
        path="/api/public/v1/replays/{replay_id}".format(
            replay_id=quote(str(replay_id), safe=""),
        ),
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> ReplayAnswer:
    if response.status_code == 200:
        response_200 = ReplayAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
