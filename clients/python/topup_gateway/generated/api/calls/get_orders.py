import datetime
from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.get_orders_format import GetOrdersFormat
from ...models.get_orders_status import GetOrdersStatus
from ...models.order_page_answer import OrderPageAnswer
from ...types import UNSET, Unset


def get_orders(
    *,
    limit: int | Unset = 50,
    cursor: str | Unset = UNSET,
    format_: GetOrdersFormat | Unset = "json",
    status: GetOrdersStatus | Unset = UNSET,
    provider: str | Unset = UNSET,
    created_after: datetime.datetime | Unset = UNSET,
    created_before: datetime.datetime | Unset = UNSET,
) -> Call[OrderPageAnswer]:
    """Orders, newest first.

    Scope: `billing:read`.
    """

    params: dict[str, Any] = {}

    params["limit"] = limit

    params["cursor"] = cursor

    json_format_: str | Unset = UNSET
    if not isinstance(format_, Unset):
        json_format_ = format_

    params["format"] = json_format_

    json_status: str | Unset = UNSET
    if not isinstance(status, Unset):
        json_status = status

    params["status"] = json_status

    params["provider"] = provider

    json_created_after: str | Unset = UNSET
    if not isinstance(created_after, Unset):
        json_created_after = created_after.isoformat()
    params["created_after"] = json_created_after

    json_created_before: str | Unset = UNSET
    if not isinstance(created_before, Unset):
        json_created_before = created_before.isoformat()
    params["created_before"] = json_created_before

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {}
    _kwargs["params"] = params
    return Call(
        method="GET",
        path="/api/public/v1/orders",
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> OrderPageAnswer:
    if response.status_code == 200:
        response_200 = OrderPageAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
