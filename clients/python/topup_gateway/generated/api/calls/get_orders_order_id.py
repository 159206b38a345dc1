from typing import Any
from urllib.parse import quote

import httpx

from ....call import Call, unexpected
from ...models.order_answer import OrderAnswer


def get_orders_order_id(
    order_id: str,
) -> Call[OrderAnswer]:
    """An order and what became of it.

    Scope: `billing:read`.
    """

    _kwargs: dict[str, Any] = {}
    return Call(
        method="GET",
        path="/api/public/v1/orders/{order_id}".format(
            order_id=quote(str(order_id), safe=""),
        ),
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> OrderAnswer:
    if response.status_code == 200:
        response_200 = OrderAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
