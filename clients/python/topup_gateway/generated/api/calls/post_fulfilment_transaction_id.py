from typing import Any
from urllib.parse import quote

import httpx

from ....call import Call, unexpected
from ...models.settle_body import SettleBody
from ...models.settlement_answer import SettlementAnswer


def post_fulfilment_transaction_id(
    transaction_id: str,
    *,
    body: SettleBody,
) -> Call[SettlementAnswer]:
    """Settle a pending top-up, signed by its fulfilment.

    Signed like a webhook of ours, under the platform's `secret`: Standard Webhooks headers
    (`webhook-id` is the transaction's id) or `X-AiTopUp-Signature`, at most five minutes old.
    The body names the transaction, too. Repeated, it answers with how the top-up ended. What
    contradicts that, was delivered for another top-up or cannot be right is kept for the
    operator and answered with 409. No credential.
    """

    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {}
    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"
    _kwargs["headers"] = headers
    return Call(
        method="POST",
        path="/api/public/v1/fulfilment/{transaction_id}".format(
            transaction_id=quote(str(transaction_id), safe=""),
        ),
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> SettlementAnswer:
    if response.status_code == 200:
        response_200 = SettlementAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
