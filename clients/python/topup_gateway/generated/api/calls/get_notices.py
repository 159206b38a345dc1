from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.notice_page_answer import NoticePageAnswer
from ...types import UNSET, Unset


def get_notices(
    *,
    limit: int | Unset = 50,
    cursor: str | Unset = UNSET,
    open_: bool | Unset = UNSET,
) -> Call[NoticePageAnswer]:
    """List notices of failing webhooks.

    Scope: `webhooks:read`.
    """

    params: dict[str, Any] = {}

    params["limit"] = limit

    params["cursor"] = cursor

    params["open"] = open_

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {}
    _kwargs["params"] = params
    return Call(
        method="GET",
        path="/api/public/v1/notices",
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> NoticePageAnswer:
    if response.status_code == 200:
        response_200 = NoticePageAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
