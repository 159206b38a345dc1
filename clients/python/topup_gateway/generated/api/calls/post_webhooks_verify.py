from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.verification_answer import VerificationAnswer
from ...models.verify_body import VerifyBody


def post_webhooks_verify(
    *,
    body: VerifyBody,
) -> Call[VerificationAnswer]:
    """Check a received webhook.

    Scope: `webhooks:read`.
    """

    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {}
    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"
    _kwargs["headers"] = headers
    return Call(
        method="POST",
        path="/api/public/v1/webhooks/verify",
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> VerificationAnswer:
    if response.status_code == 200:
        response_200 = VerificationAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
