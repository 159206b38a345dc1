from typing import Any
from urllib.parse import quote

import httpx

from ....call import Call, unexpected
from ...models.access_token_answer import AccessTokenAnswer
from ...types import UNSET, Unset


def delete_tokens_token_id(
    token_id: str,
    *,
    idempotency_key: str | Unset = UNSET,
) -> Call[AccessTokenAnswer]:
    """Revoke an access token.

    Scope: `keys:write`.
    """

    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    _kwargs: dict[str, Any] = {}
    _kwargs["headers"] = headers
    return Call(
        method="DELETE",
        path="/api/public/v1/tokens/{token_id}".format(
            token_id=quote(str(token_id), safe=""),
        ),
        parse=_parse,
        options=_kwargs,
        takes_key=True,
    )


def _parse(response: httpx.Response) -> AccessTokenAnswer:
    if response.status_code == 200:
        response_200 = AccessTokenAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
