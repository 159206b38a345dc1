from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.recharge_answer import RechargeAnswer
from ...models.recharge_body import RechargeBody


def put_topup_balance_recharge(
    *,
    body: RechargeBody,
) -> Call[RechargeAnswer]:
    """Buy credit when the balance falls.

    When the balance falls below `below_cents`, credit for `amount_cents` is bought with the
    saved means of payment: once for each fall, and at most `monthly_max_cents` in a calendar
    month by UTC. Set while the balance is below, it buys at once. Three charges that fail in a
    row switch it off; setting it again switches it on. For a person who signed in: no key may
    set what is charged beyond the wallet. Scope: `billing:write`.
    """

    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {}
    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"
    _kwargs["headers"] = headers
    return Call(
        method="PUT",
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
