from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.own_key_answer import OwnKeyAnswer


def get_keys_self() -> Call[OwnKeyAnswer]:
    """What the asking key may do now.

    For any key, whatever its scopes: scopes, lists, thresholds and limits, its own and those of
    all keys above it together, with what is left of each and when it resets. Scope:
    `topup:send` or `topup:read` or `topup:reverse` or `webhooks:read` or `webhooks:write` or
    `billing:read` or `billing:write` or `usage:read` or `usage:write` or `vouchers:read` or
    `vouchers:redeem` or `keys:write` or `approvals:write` or `admin`.
    """

    _kwargs: dict[str, Any] = {}
    return Call(
        method="GET",
        path="/api/public/v1/keys/self",
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> OwnKeyAnswer:
    if response.status_code == 200:
        response_200 = OwnKeyAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
