from typing import Any
from urllib.parse import quote

import httpx

from ....call import Call, unexpected
from ...models.billing_document_page_answer import BillingDocumentPageAnswer
from ...types import UNSET, Unset


def get_orders_order_id_credit_notes(
    order_id: str,
    *,
    limit: int | Unset = 50,
    cursor: str | Unset = UNSET,
) -> Call[BillingDocumentPageAnswer]:
    """What went back of an order's payment, newest first.

    Scope: `billing:read`.
    """

    params: dict[str, Any] = {}

    params["limit"] = limit

    params["cursor"] = cursor

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {}
    _kwargs["params"] = params
    return Call(
        method="GET",
        path="/api/public/v1/orders/{order_id}/credit-notes".format(
            order_id=quote(str(order_id), safe=""),
        ),
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> BillingDocumentPageAnswer:
    if response.status_code == 200:
        response_200 = BillingDocumentPageAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
