from typing import Any
from urllib.parse import quote

import httpx

from ....call import Call, unexpected
from ...models.top_up_receipt_answer import TopUpReceiptAnswer


def get_topup_transaction_id_receipt(
    transaction_id: str,
) -> Call[TopUpReceiptAnswer]:
    """A top-up's receipt that proves itself.

    Signed with Ed25519. Each transfer has its place in a sealed day of the ledger, once that is
    sealed: an hour after the UTC day's end. With `Accept: application/jose` the JWS alone. What
    was delivered stands in it as a digest; the nonce that it can be compared with is there for
    who may see the code. 3003 with reason not_ended while it waits. Scope: `billing:read`.
    """

    _kwargs: dict[str, Any] = {}
    return Call(
        method="GET",
        path="/api/public/v1/topup/{transaction_id}/receipt".format(
            transaction_id=quote(str(transaction_id), safe=""),
        ),
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> TopUpReceiptAnswer:
    if response.status_code == 200:
        response_200 = TopUpReceiptAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
