from typing import Any
from urllib.parse import quote

import httpx

from ....call import Call, unexpected
from ...models.keys_rotate_body import KeysRotateBody
from ...models.minted_key_answer import MintedKeyAnswer
from ...types import UNSET, Unset


def post_keys_key_id_rotate(
    key_id: str,
    *,
    body: KeysRotateBody | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
) -> Call[MintedKeyAnswer]:
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


def _parse(response: httpx.Response) -> MintedKeyAnswer:
    if response.status_code == 200:
        response_200 = MintedKeyAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
