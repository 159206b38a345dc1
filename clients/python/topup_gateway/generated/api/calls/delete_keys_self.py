from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.api_key_answer import ApiKeyAnswer
from ...types import UNSET, Unset


def delete_keys_self(
    *,
    idempotency_key: str | Unset = UNSET,
) -> Call[ApiKeyAnswer]:
    """Revoke the asking key.

    For any key, whatever its scopes: it and all that come from it end, for good. Scope:
    `topup:send` or `topup:read` or `topup:reverse` or `webhooks:read` or `webhooks:write` or
    `billing:read` or `billing:write` or `usage:read` or `usage:write` or `vouchers:read` or
    `vouchers:redeem` or `keys:write` or `approvals:write` or `admin`.
    """

    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    _kwargs: dict[str, Any] = {}
    _kwargs["headers"] = headers
    return Call(
        method="DELETE",
        path="/api/public/v1/keys/self",
        parse=_parse,
        options=_kwargs,
        takes_key=True,
    )


def _parse(response: httpx.Response) -> ApiKeyAnswer:
    if response.status_code == 200:
        response_200 = ApiKeyAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
