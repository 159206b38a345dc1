from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.billing_details_answer import BillingDetailsAnswer
from ...models.billing_details_body import BillingDetailsBody
from ...types import UNSET, Unset


def put_billing_details(
    *,
    body: BillingDetailsBody | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
) -> Call[BillingDetailsAnswer]:
    """Set whom receipts are made out to.

    They are the account's, in both environments, so a staging key may not set them (2009,
    `reason` `live_key_needed`): a live key or a person who signed in does. What was made before
    keeps what stood here then. Scope: `billing:write`.
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
        method="PUT",
        path="/api/public/v1/billing/details",
        parse=_parse,
        options=_kwargs,
        takes_key=True,
    )


def _parse(response: httpx.Response) -> BillingDetailsAnswer:
    if response.status_code == 200:
        response_200 = BillingDetailsAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
