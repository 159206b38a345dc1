from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.save_body import SaveBody
from ...models.save_page_answer import SavePageAnswer


def post_topup_balance_recharge_methods(
    *,
    body: SaveBody,
) -> Call[SavePageAnswer]:
    """Where a means of payment is saved.

    The person agrees at the provider's page that the card is kept and charged while they are
    away. Nothing is charged there. For a person who signed in: no key may set what is charged
    beyond the wallet. Scope: `billing:write`.
    """

    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {}
    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"
    _kwargs["headers"] = headers
    return Call(
        method="POST",
        path="/api/public/v1/topup/balance/recharge/methods",
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> SavePageAnswer:
    if response.status_code == 201:
        response_201 = SavePageAnswer.from_dict(response.json())

        return response_201

    raise unexpected(response)
