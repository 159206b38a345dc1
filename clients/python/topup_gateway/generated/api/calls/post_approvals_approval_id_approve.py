from typing import Any
from urllib.parse import quote

import httpx

from ....call import Call, unexpected
from ...models.decided_top_up_answer import DecidedTopUpAnswer
from ...types import UNSET, Unset


def post_approvals_approval_id_approve(
    approval_id: str,
    *,
    idempotency_key: str | Unset = UNSET,
) -> Call[DecidedTopUpAnswer]:
    """Let a held send go on.

    The rules are checked again. A key that has an ancestor in common with the one that asked
    cannot decide, nor one that the person made whose send it is, and nobody can after
    `expires_at`. If the key that asked has ended, the top-up is cancelled, its funds go back,
    and the answer is 3009. Scope: `approvals:write`.
    """

    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    _kwargs: dict[str, Any] = {}
    _kwargs["headers"] = headers
    return Call(
        method="POST",
        path="/api/public/v1/approvals/{approval_id}/approve".format(
            approval_id=quote(str(approval_id), safe=""),
        ),
        parse=_parse,
        options=_kwargs,
        takes_key=True,
    )


def _parse(response: httpx.Response) -> DecidedTopUpAnswer:
    if response.status_code == 200:
        response_200 = DecidedTopUpAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
