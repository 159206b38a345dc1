from typing import Any
from urllib.parse import quote

import httpx

from ....call import Call, unexpected
from ...models.created_key_answer import CreatedKeyAnswer
from ...models.rotation import Rotation
from ...types import UNSET, Unset


def post_keys_key_id_rotate(
    key_id: str,
    *,
    body: Rotation | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
) -> Call[CreatedKeyAnswer]:
    """Rotate a key.

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
        method="POST",
        path="/api/public/v1/keys/{key_id}/rotate".format(
            key_id=quote(str(key_id), safe=""),
        ),
        parse=_parse,
        options=_kwargs,
        takes_key=True,
    )


def _parse(response: httpx.Response) -> CreatedKeyAnswer:
    if response.status_code == 200:
        response_200 = CreatedKeyAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
