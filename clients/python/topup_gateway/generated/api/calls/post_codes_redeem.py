from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.redeemed_code_answer import RedeemedCodeAnswer
from ...models.redemptions_redeem_body import RedemptionsRedeemBody
from ...types import UNSET, Unset


def post_codes_redeem(
    *,
    body: RedemptionsRedeemBody,
    idempotency_key: str | Unset = UNSET,
) -> Call[RedeemedCodeAnswer]:
    """Redeem a code or a voucher once.

    Wrong codes are counted: guessing ends soon. Scope: `billing:write`.
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
        path="/api/public/v1/codes/redeem",
        parse=_parse,
        options=_kwargs,
        takes_key=True,
    )


def _parse(response: httpx.Response) -> RedeemedCodeAnswer:
    if response.status_code == 200:
        response_200 = RedeemedCodeAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
