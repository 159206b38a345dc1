from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.entitlement_page_answer import EntitlementPageAnswer
from ...types import UNSET, Unset


def get_entitlements(
    *,
    limit: int | Unset = 50,
    cursor: str | Unset = UNSET,
) -> Call[EntitlementPageAnswer]:
    """What the account's plan lets it do.

    Without a plan the list is empty. Scope: `billing:read` or `usage:write` or
    `general_api_access`.
    """

    params: dict[str, Any] = {}

    params["limit"] = limit

    params["cursor"] = cursor

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {}
    _kwargs["params"] = params
    return Call(
        method="GET",
        path="/api/public/v1/entitlements",
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> EntitlementPageAnswer:
    if response.status_code == 200:
        response_200 = EntitlementPageAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
