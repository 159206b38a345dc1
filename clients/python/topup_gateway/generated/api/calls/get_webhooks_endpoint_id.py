from typing import Any
from urllib.parse import quote

import httpx

from ....call import Call, unexpected
from ...models.webhook_endpoint_answer import WebhookEndpointAnswer


def get_webhooks_endpoint_id(
    endpoint_id: str,
) -> Call[WebhookEndpointAnswer]:
    """Show a webhook.

    Scope: `webhooks:read`.
    """

    _kwargs: dict[str, Any] = {}
    return Call(
        method="GET",
        path="/api/public/v1/webhooks/{endpoint_id}".format(
            endpoint_id=quote(str(endpoint_id), safe=""),
        ),
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> WebhookEndpointAnswer:
    if response.status_code == 200:
        response_200 = WebhookEndpointAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
