from typing import Any
from urllib.parse import quote

import httpx

from ....call import Call, unexpected
from ...models.deleted_endpoint_answer import DeletedEndpointAnswer
from ...types import UNSET, Unset


def delete_webhooks_endpoint_id(
    endpoint_id: str,
    *,
    idempotency_key: str | Unset = UNSET,
) -> Call[DeletedEndpointAnswer]:
    """Delete a webhook.

    Scope: `webhooks:write`.
    """

    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    _kwargs: dict[str, Any] = {}
    _kwargs["headers"] = headers
    return Call(
        method="DELETE",
        path="/api/public/v1/webhooks/{endpoint_id}".format(
            endpoint_id=quote(str(endpoint_id), safe=""),
        ),
        parse=_parse,
        options=_kwargs,
        takes_key=True,
    )


def _parse(response: httpx.Response) -> DeletedEndpointAnswer:
    if response.status_code == 200:
        response_200 = DeletedEndpointAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
