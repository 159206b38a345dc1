from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.pack_page_answer import PackPageAnswer
from ...types import UNSET, Unset


def get_packs(
    *,
    limit: int | Unset = 50,
    cursor: str | Unset = UNSET,
) -> Call[PackPageAnswer]:
    """Credit that can be bought as one.

    Scope: `billing:read`.
    """

    params: dict[str, Any] = {}

    params["limit"] = limit

    params["cursor"] = cursor

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {}
    _kwargs["params"] = params
    return Call(
        method="GET",
        path="/api/public/v1/packs",
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> PackPageAnswer:
    if response.status_code == 200:
        response_200 = PackPageAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
