from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.create_token_body import CreateTokenBody
from ...models.created_token_answer import CreatedTokenAnswer
from ...types import UNSET, Unset


def post_tokens(
    *,
    body: CreateTokenBody | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
) -> Call[CreatedTokenAnswer]:
    """Make an access token.

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
        path="/api/public/v1/tokens",
        parse=_parse,
        options=_kwargs,
        takes_key=True,
    )


def _parse(response: httpx.Response) -> CreatedTokenAnswer:
    if response.status_code == 201:
        response_201 = CreatedTokenAnswer.from_dict(response.json())

        return response_201

    raise unexpected(response)
