from typing import Any
from urllib.parse import quote

import httpx

from ....call import Call, unexpected
from ...models.entitlement_answer import EntitlementAnswer
from ...models.use_body import UseBody
from ...types import UNSET, Unset


def post_entitlements_entitlement_name_use(
    entitlement_name: str,
    *,
    body: UseBody,
    idempotency_key: str | Unset = UNSET,
) -> Call[EntitlementAnswer]:
    """Count uses of what a plan limits.

    allowed false: the limit has no room for so many, and nothing was counted. The same
    reference again answers allowed true and counts nothing. Scope: `usage:write` or
    `advanced_access`.
    """

    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    _kwargs: dict[str, Any] = {}
    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"
    _kwargs["headers"] = headers
    return Call(
        method="POST",
        path="/api/public/v1/entitlements/{entitlement_name}/use".format(
            entitlement_name=quote(str(entitlement_name), safe=""),
        ),
        parse=_parse,
        options=_kwargs,
        takes_key=True,
    )


def _parse(response: httpx.Response) -> EntitlementAnswer:
    if response.status_code == 200:
        response_200 = EntitlementAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
