from typing import Any
from urllib.parse import quote

import httpx

from ....call import Call, unexpected
from ...models.free_period_answer import FreePeriodAnswer
from ...models.grant_free_period_body import GrantFreePeriodBody
from ...types import UNSET, Unset


def post_subscriptions_subscription_id_free_periods(
    subscription_id: str,
    *,
    body: GrantFreePeriodBody,
    idempotency_key: str | Unset = UNSET,
) -> Call[FreePeriodAnswer]:
    """Grant a free period of a plan.

    For operators. It grants exactly what a paid period grants, without an invoice, once for
    each start (2006 the second time). Money that comes for that period waits in review. Scope:
    `admin`.
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
        path="/api/public/v1/subscriptions/{subscription_id}/free-periods".format(
            subscription_id=quote(str(subscription_id), safe=""),
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
