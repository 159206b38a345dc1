from typing import Any
from urllib.parse import quote

import httpx

from ....call import Call, unexpected
from ...models.delivery_with_attempts_answer import DeliveryWithAttemptsAnswer


def get_deliveries_delivery_id(
    delivery_id: str,
) -> Call[DeliveryWithAttemptsAnswer]:
    """Show a delivery with its attempts.

    Scope: `webhooks:read`.
    """

    _kwargs: dict[str, Any] = {}
    return Call(
        method="GET",
        path="/api/public/v1/deliveries/{delivery_id}".format(
            delivery_id=quote(str(delivery_id), safe=""),
        ),
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> DeliveryWithAttemptsAnswer:
    if response.status_code == 200:
        response_200 = DeliveryWithAttemptsAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
