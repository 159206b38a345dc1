from typing import Any
from urllib.parse import quote

import httpx

from ....call import Call, unexpected
from ...models.endpoint_with_secret_answer import EndpointWithSecretAnswer
from ...models.webhooks_rotate_body import WebhooksRotateBody
from ...types import UNSET, Unset


def post_webhooks_endpoint_id_rotate_secret(
    endpoint_id: str,
    *,
    body: WebhooksRotateBody | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
) -> Call[EndpointWithSecretAnswer]:
    """Rotate a webhook's secret.

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
        method="POST",
        path="/api/public/v1/webhooks/{endpoint_id}/rotate-secret".format(
            endpoint_id=quote(str(endpoint_id), safe=""),
        ),
        parse=_parse,
        options=_kwargs,
        takes_key=True,
    )


def _parse(response: httpx.Response) -> EndpointWithSecretAnswer:
    if response.status_code == 200:
        response_200 = EndpointWithSecretAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
