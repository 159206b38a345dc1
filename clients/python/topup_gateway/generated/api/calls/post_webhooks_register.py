from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.endpoint_with_secret_answer import EndpointWithSecretAnswer
from ...models.register_body import RegisterBody
from ...types import UNSET, Unset


def post_webhooks_register(
    *,
    body: RegisterBody,
    idempotency_key: str | Unset = UNSET,
) -> Call[EndpointWithSecretAnswer]:
    """Register a webhook.

    Creates a webhook endpoint: an address of yours that events are sent to. The answer has its
    `secret`, which is not shown again. Scope: `webhooks:write`.
    """

    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    _kwargs: dict[str, Any] = {}
    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"
    _kwargs["headers"] = headers
    return Call(
        method="POST",
        path="/api/public/v1/webhooks/register",
        parse=_parse,
        options=_kwargs,
        takes_key=True,
    )


def _parse(response: httpx.Response) -> EndpointWithSecretAnswer:
    if response.status_code == 201:
        response_201 = EndpointWithSecretAnswer.from_dict(response.json())

        return response_201

    raise unexpected(response)
