from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.quote_answer import QuoteAnswer
from ...models.validate_body import ValidateBody


def post_topup_validate(
    *,
    body: ValidateBody,
) -> Call[QuoteAnswer]:
    """Rehearse a send: the same rules, nothing written.

    Scope: `topup:send`.
    """

    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {}
    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"
    _kwargs["headers"] = headers
    return Call(
        method="POST",
        path="/api/public/v1/topup/validate",
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> QuoteAnswer:
    if response.status_code == 200:
        response_200 = QuoteAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
