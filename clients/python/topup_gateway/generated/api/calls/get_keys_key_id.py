from typing import Any
from urllib.parse import quote

import httpx

from ....call import Call, unexpected
from ...models.api_key_answer import ApiKeyAnswer


def get_keys_key_id(
    key_id: str,
) -> Call[ApiKeyAnswer]:
    """Show a key.

    Scope: `keys:write`.
    """

    _kwargs: dict[str, Any] = {}
    return Call(
        method="GET",
        path="/api/public/v1/keys/{key_id}".format(
            key_id=quote(str(key_id), safe=""),
        ),
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> ApiKeyAnswer:
    if response.status_code == 200:
        response_200 = ApiKeyAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
