from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.billing_details_answer import BillingDetailsAnswer


def get_billing_details() -> Call[BillingDetailsAnswer]:
    """Whom receipts are made out to.

    Scope: `billing:read`.
    """

    _kwargs: dict[str, Any] = {}
    return Call(
        method="GET",
        path="/api/public/v1/billing/details",
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> BillingDetailsAnswer:
    if response.status_code == 200:
        response_200 = BillingDetailsAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
