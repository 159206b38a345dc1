from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.asked_approval_page_answer import AskedApprovalPageAnswer
from ...models.get_approvals_format import GetApprovalsFormat
from ...models.get_approvals_status import GetApprovalsStatus
from ...types import UNSET, Unset


def get_approvals(
    *,
    limit: int | Unset = 50,
    cursor: str | Unset = UNSET,
    format_: GetApprovalsFormat | Unset = "json",
    status: GetApprovalsStatus | Unset = UNSET,
) -> Call[AskedApprovalPageAnswer]:
    """Sends that wait for a person, and decided ones.

    Scope: `topup:read` or `approvals:write`.
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

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {}
    _kwargs["params"] = params
    return Call(
        method="GET",
        path="/api/public/v1/approvals",
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> AskedApprovalPageAnswer:
    if response.status_code == 200:
        response_200 = AskedApprovalPageAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
