from typing import Any
from urllib.parse import quote

import httpx

from ....call import Call, unexpected
from ...models.free_period_answer import FreePeriodAnswer
from ...models.revoke_free_period_body import RevokeFreePeriodBody
from ...types import UNSET, Unset


def post_subscriptions_subscription_id_free_periods_period_id_revoke(
    subscription_id: str,
    period_id: str,
    *,
    body: RevokeFreePeriodBody,
    idempotency_key: str | Unset = UNSET,
) -> Call[FreePeriodAnswer]:
    """Revoke a free period.

    For operators. What is left of its credit goes, and the plan is paid until where it was
    before. Where some was used up it is 2002, unless `allow_owed`. Scope: `admin`.
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
        path="/api/public/v1/subscriptions/{subscription_id}/free-periods/{period_id}/revoke".format(
            subscription_id=quote(str(subscription_id), safe=""),
            period_id=quote(str(period_id), safe=""),
        ),
        parse=_parse,
        options=_kwargs,
        takes_key=True,
    )


def _parse(response: httpx.Response) -> FreePeriodAnswer:
    if response.status_code == 200:
        response_200 = FreePeriodAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
