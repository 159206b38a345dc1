from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.own_time_answer import OwnTimeAnswer


def get_sandbox_clock() -> Call[OwnTimeAnswer]:
    """What time it is for the account.

    Its own time, which limits, ends of keys, approvals, holds and subscriptions go by. In live
    it is the gateway's, `ahead_s` 0. Scope: `topup:read` or `topup:send` or `usage:write` or
    `billing:write`.
    """

    _kwargs: dict[str, Any] = {}
    return Call(
        method="GET",
        path="/api/public/v1/sandbox/clock",
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> OwnTimeAnswer:
    if response.status_code == 200:
        response_200 = OwnTimeAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
