import datetime
from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.get_reports_revenue_format import GetReportsRevenueFormat
from ...models.revenue_line_page_answer import RevenueLinePageAnswer
from ...types import UNSET, Unset


def get_reports_revenue(
    *,
    from_: datetime.datetime | Unset = UNSET,
    to: datetime.datetime | Unset = UNSET,
    format_: GetReportsRevenueFormat | Unset = "json",
) -> Call[RevenueLinePageAnswer]:
    """Money in, back and kept by providers, by month.

    Amounts in each currency's smallest unit; months by UTC, of the payment. refunded_in_month
    goes by the month in which the money went back. Scope: `admin`.
    """

    params: dict[str, Any] = {}

    json_from_: str | Unset = UNSET
    if not isinstance(from_, Unset):
        json_from_ = from_.isoformat()
    params["from"] = json_from_

    json_to: str | Unset = UNSET
    if not isinstance(to, Unset):
        json_to = to.isoformat()
    params["to"] = json_to

    json_format_: str | Unset = UNSET
    if not isinstance(format_, Unset):
        json_format_ = format_

    params["format"] = json_format_

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {}
    _kwargs["params"] = params
    return Call(
        method="GET",
        path="/api/public/v1/reports/revenue",
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> RevenueLinePageAnswer:
    if response.status_code == 200:
        response_200 = RevenueLinePageAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
