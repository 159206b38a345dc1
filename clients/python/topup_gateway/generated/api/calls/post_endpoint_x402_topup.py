from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.paid_body import PaidBody
from ...models.paid_top_up_202_answer import PaidTopUp202Answer
from ...models.paid_top_up_answer import PaidTopUpAnswer


def post_endpoint_x402_topup(
    *,
    body: PaidBody,
) -> Call[PaidTopUp202Answer | PaidTopUpAnswer]:
    """Send prepaid credit that the request itself pays for.

    For a payer without an account. Without a payment it answers 402 with the price, and with a
    header for each way to pay it: `PAYMENT-REQUIRED` (x402, version 2), paid with `PAYMENT-
    SIGNATURE`; `WWW-Authenticate: Payment` (by card), paid with a shared payment token in
    `Authorization: Payment`. Then the payment is settled, the credit is sent, and `PAYMENT-
    RESPONSE` or `Payment-Receipt` tells of it. A payment by x402 must carry a `payment-
    identifier` made at random; a card's challenge has one. Repeat the very same request after a
    lost answer, and nothing is charged twice. What was paid and could not be delivered comes
    back as a code in `data.refund` (3005). An API key beside it has the top-up made in its own
    account; the card's token then comes in `Payment-Authorization`. No credential.
    """

    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {}
    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"
    _kwargs["headers"] = headers
    return Call(
        method="POST",
        path="/x402/topup",
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> PaidTopUp202Answer | PaidTopUpAnswer:
    if response.status_code == 200:
        response_200 = PaidTopUpAnswer.from_dict(response.json())

        return response_200

    if response.status_code == 202:
        response_202 = PaidTopUp202Answer.from_dict(response.json())

        return response_202

    raise unexpected(response)
