from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.get_refunds_status import GetRefundsStatus
from ...models.refund_page_answer import RefundPageAnswer
from ...types import UNSET, Unset


def get_refunds(
    *,
    limit: int | Unset = 50,
    cursor: str | Unset = UNSET,
    status: GetRefundsStatus | Unset = UNSET,
    order_id: str | Unset = UNSET,
    account_id: str | Unset = UNSET,
    open_: bool | Unset = False,
) -> Call[RefundPageAnswer]:
    """Refunds of everybody's orders, newest first.

    Scope: `admin`.
    """

    params: dict[str, Any] = {}

    params["limit"] = limit

    params["cursor"] = cursor

    json_status: str | Unset = UNSET
    if not isinstance(status, Unset):
        json_status = status

    params["status"] = json_status

    params["order_id"] = order_id

    params["account_id"] = account_id

    params["open"] = open_

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {}
    _kwargs["params"] = params
    return Call(
        method="GET",
        path="/api/public/v1/refunds",
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> RefundPageAnswer:
    if response.status_code == 200:
        response_200 = RefundPageAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
