from typing import Any
from urllib.parse import quote

import httpx

from ....call import Call, unexpected
from ...models.delivery_answer import DeliveryAnswer
from ...types import UNSET, Unset


def post_deliveries_delivery_id_cancel(
    delivery_id: str,
    *,
    idempotency_key: str | Unset = UNSET,
) -> Call[DeliveryAnswer]:
    """Cancel a delivery.

    Ends one that waits for its next attempt: it is not sent any more, and an ordered webhook
    goes on with what waited for it. 3004 where it has ended otherwise (`reason`: `delivered`,
    `failed`) or an attempt is under way (`sending`: ask again after it). It can be replayed
    later. Scope: `webhooks:write`.
    """

    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    _kwargs: dict[str, Any] = {}
    _kwargs["headers"] = headers
    return Call(
        method="POST",
        path="/api/public/v1/deliveries/{delivery_id}/cancel".format(
            delivery_id=quote(str(delivery_id), safe=""),
        ),
        parse=_parse,
        options=_kwargs,
        takes_key=True,
    )


def _parse(response: httpx.Response) -> DeliveryAnswer:
    if response.status_code == 200:
        response_200 = DeliveryAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
