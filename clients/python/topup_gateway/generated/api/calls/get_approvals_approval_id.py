from typing import Any
from urllib.parse import quote

import httpx

from ....call import Call, unexpected
from ...models.approval_answer import ApprovalAnswer


def get_approvals_approval_id(
    approval_id: str,
) -> Call[ApprovalAnswer]:
    """One approval.

    Scope: `topup:read` or `approvals:write`.
    """

    _kwargs: dict[str, Any] = {}
    return Call(
        method="GET",
        path="/api/public/v1/approvals/{approval_id}".format(
            approval_id=quote(str(approval_id), safe=""),
        ),
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> ApprovalAnswer:
    if response.status_code == 200:
        response_200 = ApprovalAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
