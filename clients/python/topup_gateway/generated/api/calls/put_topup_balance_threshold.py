from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.threshold_answer import ThresholdAnswer
from ...models.threshold_body import ThresholdBody
from ...types import UNSET, Unset


def put_topup_balance_threshold(
    *,
    body: ThresholdBody | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
) -> Call[ThresholdAnswer]:
    """Set when balance.low fires.

    It fires once for each threshold that the wallet falls below, and again when it has been at
    that threshold or above and falls below it anew; not when it is set. Scope: `topup:send`.
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
        method="PUT",
        path="/api/public/v1/topup/balance/threshold",
        parse=_parse,
        options=_kwargs,
        takes_key=True,
    )


def _parse(response: httpx.Response) -> ThresholdAnswer:
    if response.status_code == 200:
        response_200 = ThresholdAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
