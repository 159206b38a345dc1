from typing import Any
from urllib.parse import quote

import httpx

from ....call import Call, unexpected
from ...models.api_key_answer import ApiKeyAnswer
from ...models.key_changes import KeyChanges
from ...types import UNSET, Unset


def patch_keys_key_id(
    key_id: str,
    *,
    body: KeyChanges | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
) -> Call[ApiKeyAnswer]:
    """Change a key.

    Scope: `keys:write`.
    """

    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    _kwargs: dict[str, Any] = {}

    if not isinstance(body, Unset):
        _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"
    _kwargs["headers"] = headers
    return Call(
        method="PATCH",
        path="/api/public/v1/keys/{key_id}".format(
            key_id=quote(str(key_id), safe=""),
        ),
        parse=_parse,
        options=_kwargs,
        takes_key=True,
    )


def _parse(response: httpx.Response) -> ApiKeyAnswer:
    if response.status_code == 200:
        response_200 = ApiKeyAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
