from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.access_token_answer import AccessTokenAnswer
from ...models.delete_token_body import DeleteTokenBody
from ...types import UNSET, Unset


def delete_tokens(
    *,
    body: DeleteTokenBody,
    idempotency_key: str | Unset = UNSET,
) -> Call[AccessTokenAnswer]:
    """Revoke the access token that the body names.

    Scope: `keys:write`.
    """

    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    _kwargs: dict[str, Any] = {}
    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"
    _kwargs["headers"] = headers
    return Call(
        method="DELETE",
        path="/api/public/v1/tokens",
        parse=_parse,
        options=_kwargs,
        takes_key=True,
    )


def _parse(response: httpx.Response) -> AccessTokenAnswer:
    if response.status_code == 200:
        response_200 = AccessTokenAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
