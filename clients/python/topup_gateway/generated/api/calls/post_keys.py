from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.created_key_answer import CreatedKeyAnswer
from ...models.new_key import NewKey
from ...types import UNSET, Unset


def post_keys(
    *,
    body: NewKey | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
) -> Call[CreatedKeyAnswer]:
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


def _parse(response: httpx.Response) -> CreatedKeyAnswer:
    if response.status_code == 201:
        response_201 = CreatedKeyAnswer.from_dict(response.json())

        return response_201

    raise unexpected(response)
