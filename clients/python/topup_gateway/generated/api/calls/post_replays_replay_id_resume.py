from typing import Any
from urllib.parse import quote

import httpx

from ....call import Call, unexpected
from ...models.replay_answer import ReplayAnswer
from ...types import UNSET, Unset


def post_replays_replay_id_resume(
    replay_id: str,
    *,
    idempotency_key: str | Unset = UNSET,
) -> Call[ReplayAnswer]:
    """Resume a replay.

    Scope: `webhooks:write`.
    """

    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    _kwargs: dict[str, Any] = {}
    _kwargs["headers"] = headers
    return Call(
        method="POST",
        path="/api/public/v1/replays/{replay_id}/resume".format(
            replay_id=quote(str(replay_id), safe=""),
        ),
        parse=_parse,
        options=_kwargs,
        takes_key=True,
    )


def _parse(response: httpx.Response) -> ReplayAnswer:
    if response.status_code == 200:
        response_200 = ReplayAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
