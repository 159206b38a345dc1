import datetime
from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.get_reports_outstanding_format import GetReportsOutstandingFormat
from ...models.outstanding_line_page_answer import OutstandingLinePageAnswer
from ...types import UNSET, Unset


def get_reports_outstanding(
    *,
    from_: datetime.datetime | Unset = UNSET,
    to: datetime.datetime | Unset = UNSET,
    format_: GetReportsOutstandingFormat | Unset = "json",
) -> Call[OutstandingLinePageAnswer]:
    """Credit sold, given, used, expired and still held, by month.

    Of all customers, in micros of a US dollar, from the ledger: a line's opening balance with
    its columns is its closing one. breakage_micros is credit of plans that was paid for and
    ended unused; expired_micros is given credit that ended. Scope: `admin`.
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
        path="/api/public/v1/reports/outstanding",
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> OutstandingLinePageAnswer:
    if response.status_code == 200:
        response_200 = OutstandingLinePageAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
