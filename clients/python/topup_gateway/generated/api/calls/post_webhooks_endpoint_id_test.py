from typing import Any
from urllib.parse import quote

import httpx

from ....call import Call, unexpected
from ...models.attempt_answer import AttemptAnswer
from ...models.test_event_body import TestEventBody
from ...types import UNSET, Unset


def post_webhooks_endpoint_id_test(
    endpoint_id: str,
    *,
    body: TestEventBody | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
) -> Call[AttemptAnswer]:
    """Send a sample event.

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
        path="/api/public/v1/webhooks/{endpoint_id}/test".format(
            endpoint_id=quote(str(endpoint_id), safe=""),
        ),
        parse=_parse,
        options=_kwargs,
        takes_key=True,
    )


def _parse(response: httpx.Response) -> AttemptAnswer:
    if response.status_code == 200:
        response_200 = AttemptAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
