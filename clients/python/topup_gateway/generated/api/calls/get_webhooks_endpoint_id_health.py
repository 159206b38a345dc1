from typing import Any
from urllib.parse import quote

import httpx

from ....call import Call, unexpected
from ...models.webhook_health_answer import WebhookHealthAnswer
from ...types import UNSET, Unset


def get_webhooks_endpoint_id_health(
    endpoint_id: str,
    *,
    hours: int | Unset = 24,
) -> Call[WebhookHealthAnswer]:
    """Show a webhook's health.

    Of the newest deliveries of the last hours, 2,000 at most: the share that arrived, how long
    answers took, and the failures put together by what the receiver answered, the most frequent
    first. Send one of a group again by `POST /deliveries/{delivery_id}/replay`, all of a time
    by `POST /webhooks/{endpoint_id}/replay`. Scope: `webhooks:read`.
    """

    params: dict[str, Any] = {}

    params["hours"] = hours

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {}
    _kwargs["params"] = params
    return Call(
        method="GET",
        path="/api/public/v1/webhooks/{endpoint_id}/health".format(
            endpoint_id=quote(str(endpoint_id), safe=""),
        ),
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> WebhookHealthAnswer:
    if response.status_code == 200:
        response_200 = WebhookHealthAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
