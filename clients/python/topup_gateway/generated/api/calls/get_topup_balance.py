from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.balance_answer import BalanceAnswer


def get_topup_balance() -> Call[BalanceAnswer]:
    """The wallet and what the key may still spend.

    Scope: `topup:read` or `general_api_access`.
    """

    _kwargs: dict[str, Any] = {}
    return Call(
        method="GET",
        path="/api/public/v1/topup/balance",
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> BalanceAnswer:
    if response.status_code == 200:
        response_200 = BalanceAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
