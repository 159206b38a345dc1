from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.mint_body import MintBody
from ...models.minted_key_answer import MintedKeyAnswer
from ...types import UNSET, Unset


def post_keys(
    *,
    body: MintBody | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
) -> Call[MintedKeyAnswer]:
    """Create a key.

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
        path="/api/public/v1/keys",
        parse=_parse,
        options=_kwargs,
        takes_key=True,
    )


def _parse(response: httpx.Response) -> MintedKeyAnswer:
    if response.status_code == 201:
        response_201 = MintedKeyAnswer.from_dict(response.json())

        return response_201

    raise unexpected(response)
