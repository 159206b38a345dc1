from io import BytesIO
from typing import Any
from urllib.parse import quote

import httpx

from ....call import Call, unexpected
from ...types import File


def get_orders_order_id_receipt_pdf(
    order_id: str,
) -> Call[File]:
    """An order's receipt, as PDF.

    Of a paid order; of a plan's order the receipt of its first period. It has its number from
    the moment on that it was paid or first asked for, and never changes. 404 where nothing was
    paid. Scope: `billing:read`.
    """

    _kwargs: dict[str, Any] = {}
    return Call(
        method="GET",
        path="/api/public/v1/orders/{order_id}/receipt.pdf".format(
            order_id=quote(str(order_id), safe=""),
        ),
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> File:
    if response.status_code == 200:
        response_200 = File(payload=BytesIO(response.content))

        return response_200

    raise unexpected(response)
