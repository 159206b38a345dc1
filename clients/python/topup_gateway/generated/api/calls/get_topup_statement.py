import datetime
from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.get_topup_statement_format import GetTopupStatementFormat
from ...models.statement_answer import StatementAnswer
from ...types import UNSET, Unset


def get_topup_statement(
    *,
    from_: datetime.datetime | Unset = UNSET,
    to: datetime.datetime | Unset = UNSET,
    month: str | Unset = UNSET,
    format_: GetTopupStatementFormat | Unset = "json",
) -> Call[StatementAnswer]:
    """Opening balance, every transfer, closing balance.

    Scope: `topup:read`.
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

    params["month"] = month

    json_format_: str | Unset = UNSET
    if not isinstance(format_, Unset):
        json_format_ = format_

    params["format"] = json_format_

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {}
    _kwargs["params"] = params
    return Call(
        method="GET",
        path="/api/public/v1/topup/statement",
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> StatementAnswer:
    if response.status_code == 200:
        response_200 = StatementAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
