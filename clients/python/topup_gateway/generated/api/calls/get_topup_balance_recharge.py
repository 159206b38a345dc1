from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.recharge_answer import RechargeAnswer


def get_topup_balance_recharge() -> Call[RechargeAnswer]:
    """The recharge, and what it charged lately.

    For a person who signed in: no key may set what is charged beyond the wallet. Scope:
    `billing:read`.
    """

    _kwargs: dict[str, Any] = {}
    return Call(
        method="GET",
        path="/api/public/v1/topup/balance/recharge",
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> RechargeAnswer:
    if response.status_code == 200:
        response_200 = RechargeAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
