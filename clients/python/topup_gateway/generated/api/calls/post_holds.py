from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.changed_hold_answer import ChangedHoldAnswer
from ...models.hold_body import HoldBody
from ...types import UNSET, Unset


def post_holds(
    *,
    body: HoldBody,
    idempotency_key: str | Unset = UNSET,
) -> Call[ChangedHoldAnswer]:
    """Set credit aside for usage whose price is not known yet.

    It leaves the balance and counts in the key's caps at once. Capture it once, in part or
    whole; what is not captured until it is released or expires goes back. Scope: `usage:write`.
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
        path="/api/public/v1/holds",
        parse=_parse,
        options=_kwargs,
        takes_key=True,
    )


def _parse(response: httpx.Response) -> ChangedHoldAnswer:
    if response.status_code == 201:
        response_201 = ChangedHoldAnswer.from_dict(response.json())

        return response_201

    raise unexpected(response)
