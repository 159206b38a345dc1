from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.audit_entry_page_answer import AuditEntryPageAnswer
from ...models.get_audit_format import GetAuditFormat
from ...types import UNSET, Unset


def get_audit(
    *,
    limit: int | Unset = 50,
    cursor: str | Unset = UNSET,
    format_: GetAuditFormat | Unset = "json",
) -> Call[AuditEntryPageAnswer]:
    """List what concerns the account's security.

    Sign-ins (refused ones too), keys, tokens, webhook addresses and secrets, connected apps and
    approvals, newest first: of the caller's environment, and of the account as a whole. For
    sessions, tokens and keys without a parent. Scope: `keys:write`.
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
        path="/api/public/v1/audit",
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> AuditEntryPageAnswer:
    if response.status_code == 200:
        response_200 = AuditEntryPageAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
