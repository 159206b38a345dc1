from typing import Any
from urllib.parse import quote

import httpx

from ....call import Call, unexpected
from ...models.refund_202_answer import Refund202Answer
from ...models.refund_body import RefundBody
from ...types import UNSET, Unset


def post_orders_order_id_refund(
    order_id: str,
    *,
    body: RefundBody,
    idempotency_key: str | Unset = UNSET,
) -> Call[Refund202Answer]:
    """Send an order's payment back, whole or in part.

    For operators. The credit that the refund takes back is held at once, and a worker asks the
    provider: its yes takes the credit, its definite no gives it back, and without a clear word
    it stays held. Too little credit is 2002 unless `allow_owed`. One refund of a payment goes
    on at a time (2012), and none of what went back already (2006). The payment of an order that
    is in review, or was rejected, credited nothing: nothing is held, and the provider's yes
    ends the review; the same is so of a second payment, and of a plan's that waits in review,
    which `payment` names. Creem refunds by its API all that is left, and no part. Scope:
    `admin`.
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
        path="/api/public/v1/orders/{order_id}/refund".format(
            order_id=quote(str(order_id), safe=""),
        ),
        parse=_parse,
        options=_kwargs,
        takes_key=True,
    )


def _parse(response: httpx.Response) -> Refund202Answer:
    if response.status_code == 202:
        response_202 = Refund202Answer.from_dict(response.json())

        return response_202

    raise unexpected(response)
