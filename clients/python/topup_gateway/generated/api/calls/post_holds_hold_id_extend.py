from typing import Any
from urllib.parse import quote

import httpx

from ....call import Call, unexpected
from ...models.changed_hold_answer import ChangedHoldAnswer
from ...models.extend_body import ExtendBody
from ...types import UNSET, Unset


def post_holds_hold_id_extend(
    hold_id: str,
    *,
    body: ExtendBody | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
) -> Call[ChangedHoldAnswer]:
    """Let a hold end later.

    For 30 days after it was made at the longest. Scope: `usage:write`.
    """

    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    _kwargs: dict[str, Any] = {}

    if not isinstance(body, Unset):
        _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"
    _kwargs["headers"] = headers
    return Call(
        method="POST",
        path="/api/public/v1/holds/{hold_id}/extend".format(
            hold_id=quote(str(hold_id), safe=""),
        ),
        parse=_parse,
        options=_kwargs,
        takes_key=True,
    )


def _parse(response: httpx.Response) -> ChangedHoldAnswer:
    if response.status_code == 200:
        response_200 = ChangedHoldAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
