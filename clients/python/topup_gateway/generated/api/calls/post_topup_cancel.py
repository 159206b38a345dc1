from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.cancel_body import CancelBody
from ...models.settled_top_up_answer import SettledTopUpAnswer
from ...types import UNSET, Unset


def post_topup_cancel(
    *,
    body: CancelBody,
    idempotency_key: str | Unset = UNSET,
) -> Call[SettledTopUpAnswer]:
    """Cancel a scheduled or pending top-up.

    Its funds go back to where they came from, and topup.cancelled is sent. A key takes back
    what it or a key below it sent; what others sent, with `topup:reverse`. Scope: `topup:send`.
    """

    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    _kwargs: dict[str, Any] = {}
    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"
    _kwargs["headers"] = headers
    return Call(
        method="POST",
        path="/api/public/v1/topup/cancel",
        parse=_parse,
        options=_kwargs,
        takes_key=True,
    )


def _parse(response: httpx.Response) -> SettledTopUpAnswer:
    if response.status_code == 200:
        response_200 = SettledTopUpAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
