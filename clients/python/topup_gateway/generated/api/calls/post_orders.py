from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.order_answer import OrderAnswer
from ...models.order_body import OrderBody
from ...types import UNSET, Unset


def post_orders(
    *,
    body: OrderBody,
    idempotency_key: str | Unset = UNSET,
) -> Call[OrderAnswer]:
    """Buy credit: the order, and where it is paid.

    Name either a pack_id or an amount_cents. The payer goes to `url`; the credit is there once
    the provider says that it was paid, and `order.paid` tells of it. An order whose coupon
    covers all of it is paid at once. In staging a provider without credentials is stood in for
    by a hosted page of the sandbox. Scope: `billing:write`.
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
        path="/api/public/v1/orders",
        parse=_parse,
        options=_kwargs,
        takes_key=True,
    )


def _parse(response: httpx.Response) -> OrderAnswer:
    if response.status_code == 201:
        response_201 = OrderAnswer.from_dict(response.json())

        return response_201

    raise unexpected(response)
