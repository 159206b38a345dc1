from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.fund_body import FundBody
from ...models.funding_answer import FundingAnswer
from ...types import UNSET, Unset


def post_sandbox_fund(
    *,
    body: FundBody,
    idempotency_key: str | Unset = UNSET,
) -> Call[FundingAnswer]:
    """Add test credit to the staging wallet.

    Scope: `topup:send`.
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
        path="/api/public/v1/sandbox/fund",
        parse=_parse,
        options=_kwargs,
        takes_key=True,
    )


def _parse(response: httpx.Response) -> FundingAnswer:
    if response.status_code == 200:
        response_200 = FundingAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
