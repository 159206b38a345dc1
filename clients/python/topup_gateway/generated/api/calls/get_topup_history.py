import datetime
from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.get_topup_history_format import GetTopupHistoryFormat
from ...models.top_up_page_answer import TopUpPageAnswer
from ...models.top_up_status import TopUpStatus
from ...types import UNSET, Unset


def get_topup_history(
    *,
    limit: int | Unset = 50,
    cursor: str | Unset = UNSET,
    format_: GetTopupHistoryFormat | Unset = "json",
    status: TopUpStatus | Unset = UNSET,
    platform: str | Unset = UNSET,
    recipient_email: str | Unset = UNSET,
    reference: str | Unset = UNSET,
    key_id: str | Unset = UNSET,
    created_after: datetime.datetime | Unset = UNSET,
    created_before: datetime.datetime | Unset = UNSET,
) -> Call[TopUpPageAnswer]:
    """Top-ups, newest first.

    Scope: `topup:read`.
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

    params["platform"] = platform

    params["recipient_email"] = recipient_email

    params["reference"] = reference

    params["key_id"] = key_id

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
        path="/api/public/v1/topup/history",
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> TopUpPageAnswer:
    if response.status_code == 200:
        response_200 = TopUpPageAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
