from typing import Any
from urllib.parse import quote

import httpx

from ....call import Call, unexpected
from ...models.asked_approval_answer import AskedApprovalAnswer
from ...types import UNSET, Unset


def get_approvals_approval_id(
    approval_id: str,
    *,
    wait_s: int | Unset = 0,
) -> Call[AskedApprovalAnswer]:
    """One approval.

    With `wait_s` it answers as soon as somebody has decided, or after so many seconds; at once
    where it is decided. Scope: `topup:read` or `approvals:write`.
    """

    params: dict[str, Any] = {}

    params["wait_s"] = wait_s

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {}
    _kwargs["params"] = params
    return Call(
        method="GET",
        path="/api/public/v1/approvals/{approval_id}".format(
            approval_id=quote(str(approval_id), safe=""),
        ),
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> AskedApprovalAnswer:
    if response.status_code == 200:
        response_200 = AskedApprovalAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
