from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.get_webhooks_format import GetWebhooksFormat
from ...models.webhook_endpoint_page_answer import WebhookEndpointPageAnswer
from ...types import UNSET, Unset


def get_webhooks(
    *,
    limit: int | Unset = 50,
    cursor: str | Unset = UNSET,
    format_: GetWebhooksFormat | Unset = "json",
) -> Call[WebhookEndpointPageAnswer]:
    """List webhooks.

    Scope: `webhooks:read`.
    """

    params: dict[str, Any] = {}

    params["limit"] = limit

    params["cursor"] = cursor

    json_format_: str | Unset = UNSET
    if not isinstance(format_, Unset):
        json_format_ = format_

    params["format"] = json_format_

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {}
    _kwargs["params"] = params
    return Call(
        method="GET",
        path="/api/public/v1/webhooks",
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> WebhookEndpointPageAnswer:
    if response.status_code == 200:
        response_200 = WebhookEndpointPageAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
