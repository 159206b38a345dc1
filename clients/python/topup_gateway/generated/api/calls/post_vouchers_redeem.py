from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.redeemed_voucher_answer import RedeemedVoucherAnswer
from ...models.vouchers_redeem_body import VouchersRedeemBody
from ...types import UNSET, Unset


def post_vouchers_redeem(
    *,
    body: VouchersRedeemBody,
    idempotency_key: str | Unset = UNSET,
) -> Call[RedeemedVoucherAnswer]:
    """Redeem a voucher once.

    Moves its amount out of the recipient's wallet; wrong codes are counted. What another key of
    your account sent, not your own or a descendant of it, needs vouchers:redeem. Scope:
    `topup:send` or `vouchers:redeem`.
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
        path="/api/public/v1/vouchers/redeem",
        parse=_parse,
        options=_kwargs,
        takes_key=True,
    )


def _parse(response: httpx.Response) -> RedeemedVoucherAnswer:
    if response.status_code == 200:
        response_200 = RedeemedVoucherAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
