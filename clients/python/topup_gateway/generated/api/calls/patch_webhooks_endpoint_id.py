from typing import Any
from urllib.parse import quote

import httpx

from ....call import Call, unexpected
from ...models.webhook_endpoint_answer import WebhookEndpointAnswer
from ...models.webhooks_patch_body import WebhooksPatchBody
from ...types import UNSET, Unset


def patch_webhooks_endpoint_id(
    endpoint_id: str,
    *,
    body: WebhooksPatchBody | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
) -> Call[WebhookEndpointAnswer]:
    """Change a webhook.

    Scope: `webhooks:write`.
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
        method="PATCH",
        path="/api/public/v1/webhooks/{endpoint_id}".format(
            endpoint_id=quote(str(endpoint_id), safe=""),
        ),
        parse=_parse,
        options=_kwargs,
        takes_key=True,
    )


def _parse(response: httpx.Response) -> WebhookEndpointAnswer:
    if response.status_code == 200:
        response_200 = WebhookEndpointAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
