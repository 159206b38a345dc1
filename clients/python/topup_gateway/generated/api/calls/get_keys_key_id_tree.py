from typing import Any
from urllib.parse import quote

import httpx

from ....call import Call, unexpected
from ...models.key_tree_answer import KeyTreeAnswer


def get_keys_key_id_tree(
    key_id: str,
) -> Call[KeyTreeAnswer]:
    """A key and all that come from it.

    Scope: `keys:write`.
    """

    _kwargs: dict[str, Any] = {}
    return Call(
        method="GET",
        path="/api/public/v1/keys/{key_id}/tree".format(
            key_id=quote(str(key_id), safe=""),
        ),
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> KeyTreeAnswer:
    if response.status_code == 200:
        response_200 = KeyTreeAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
