from typing import Any
from urllib.parse import quote

import httpx

from ....call import Call, unexpected
from ...models.entitlement_answer import EntitlementAnswer


def get_entitlements_entitlement_name(
    entitlement_name: str,
) -> Call[EntitlementAnswer]:
    """Whether the account may do this now.

    A name that another plan has and the account's has not is allowed false; one that no plan
    has is not found, with did_you_mean. Scope: `billing:read` or `usage:write` or
    `general_api_access`.
    """

    _kwargs: dict[str, Any] = {}
    return Call(
        method="GET",
        path="/api/public/v1/entitlements/{entitlement_name}".format(
            entitlement_name=quote(str(entitlement_name), safe=""),
        ),
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> EntitlementAnswer:
    if response.status_code == 200:
        response_200 = EntitlementAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
