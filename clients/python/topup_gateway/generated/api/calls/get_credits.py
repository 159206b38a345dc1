from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.credit_line_page_answer import CreditLinePageAnswer
from ...models.get_credits_format import GetCreditsFormat
from ...types import UNSET, Unset


def get_credits(
    *,
    limit: int | Unset = 50,
    cursor: str | Unset = UNSET,
    format_: GetCreditsFormat | Unset = "json",
) -> Call[CreditLinePageAnswer]:
    """What brought the account credit, newest first.

    Orders, and codes and vouchers that were redeemed into the account's wallet. A plan's credit
    comes with its periods and stands in the statement. Scope: `billing:read`.
    """

    params: dict[str, Any] = {}

    params["limit"] = limit

    params["cursor"] = cursor

    json_format_: str | Unset = UNSET
    if not isinstance(format_, Unset):
        json_format_ = format_

    params["format"] = json_format_

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {}
    _kwargs["params"] = params
    return Call(
        method="GET",
        path="/api/public/v1/credits",
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> CreditLinePageAnswer:
    if response.status_code == 200:
        response_200 = CreditLinePageAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
