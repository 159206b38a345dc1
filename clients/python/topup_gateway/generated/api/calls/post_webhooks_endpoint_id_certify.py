from typing import Any
from urllib.parse import quote

import httpx

from ....call import Call, unexpected
from ...models.certified_receiver_answer import CertifiedReceiverAnswer
from ...models.certify_body import CertifyBody
from ...types import UNSET, Unset


def post_webhooks_endpoint_id_certify(
    endpoint_id: str,
    *,
    body: CertifyBody | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
) -> Call[CertifiedReceiverAnswer]:
    """Certify a receiver.

    Sends genuine, repeated, reordered, forged and old requests to a staging endpoint, some
    fifty within a minute, and says what it would lose, do twice or believe. Nothing of it
    stands in the delivery log, and the endpoint is not disabled by it. They look like real
    events of staging; their metadata says `{"certify": "true"}`. Scope: `webhooks:write`.
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
        path="/api/public/v1/webhooks/{endpoint_id}/certify".format(
            endpoint_id=quote(str(endpoint_id), safe=""),
        ),
        parse=_parse,
        options=_kwargs,
        takes_key=True,
    )


def _parse(response: httpx.Response) -> CertifiedReceiverAnswer:
    if response.status_code == 200:
        response_200 = CertifiedReceiverAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
