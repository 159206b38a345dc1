from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.account_limits_answer import AccountLimitsAnswer
from ...models.account_limits_body import AccountLimitsBody
from ...types import UNSET, Unset


def put_account_limits(
    *,
    body: AccountLimitsBody,
    idempotency_key: str | Unset = UNSET,
) -> Call[AccountLimitsAnswer]:
    """Limit what the account spends on a day.

    Over all of its keys, tokens, people and apps, sends, usage and holds, counted from when it
    is set. By a person only. Scope: `keys:write`.
    """

    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    _kwargs: dict[str, Any] = {}
    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"
    _kwargs["headers"] = headers
    return Call(
        method="PUT",
        path="/api/public/v1/account/limits",
        parse=_parse,
        options=_kwargs,
        takes_key=True,
    )


def _parse(response: httpx.Response) -> AccountLimitsAnswer:
    if response.status_code == 200:
        response_200 = AccountLimitsAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
