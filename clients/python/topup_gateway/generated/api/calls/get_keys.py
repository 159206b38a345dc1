from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.api_key_page_answer import ApiKeyPageAnswer
from ...models.get_keys_format import GetKeysFormat
from ...types import UNSET, Unset


def get_keys(
    *,
    limit: int | Unset = 50,
    cursor: str | Unset = UNSET,
    format_: GetKeysFormat | Unset = "json",
) -> Call[ApiKeyPageAnswer]:
    """List keys.

    Scope: `keys:write`.
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
        path="/api/public/v1/keys",
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> ApiKeyPageAnswer:
    if response.status_code == 200:
        response_200 = ApiKeyPageAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
