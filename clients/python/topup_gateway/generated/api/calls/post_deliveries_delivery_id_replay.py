from typing import Any
from urllib.parse import quote

import httpx

from ....call import Call, unexpected
from ...models.delivery_202_answer import Delivery202Answer
from ...types import UNSET, Unset


def post_deliveries_delivery_id_replay(
    delivery_id: str,
    *,
    idempotency_key: str | Unset = UNSET,
) -> Call[Delivery202Answer]:
    """Replay a delivery.

    A new delivery of the same event: same id, same body, a fresh signature. Scope:
    `webhooks:write`.
    """

    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    _kwargs: dict[str, Any] = {}
    _kwargs["headers"] = headers
    return Call(
        method="POST",
        path="/api/public/v1/deliveries/{delivery_id}/replay".format(
            delivery_id=quote(str(delivery_id), safe=""),
        ),
        parse=_parse,
        options=_kwargs,
        takes_key=True,
    )


def _parse(response: httpx.Response) -> Delivery202Answer:
    if response.status_code == 202:
        response_202 = Delivery202Answer.from_dict(response.json())

        return response_202

    raise unexpected(response)
