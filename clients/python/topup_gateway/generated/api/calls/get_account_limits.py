from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.account_limits_answer import AccountLimitsAnswer


def get_account_limits() -> Call[AccountLimitsAnswer]:
    """The account's own limit of a day.

    Scope: `topup:read` or `keys:write`.
    """

    _kwargs: dict[str, Any] = {}
    return Call(
        method="GET",
        path="/api/public/v1/account/limits",
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> AccountLimitsAnswer:
    if response.status_code == 200:
        response_200 = AccountLimitsAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
