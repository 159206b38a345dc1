from typing import Any
from urllib.parse import quote

import httpx

from ....call import Call, unexpected
from ...models.get_subscriptions_subscription_id_change_interval import (
    GetSubscriptionsSubscriptionIdChangeInterval,
)
from ...models.plan_change_answer import PlanChangeAnswer
from ...types import UNSET, Unset


def get_subscriptions_subscription_id_change(
    subscription_id: str,
    *,
    plan_id: str | Unset = UNSET,
    interval: GetSubscriptionsSubscriptionIdChangeInterval | Unset = "month",
) -> Call[PlanChangeAnswer]:
    """What a change of plans would cost.

    Scope: `billing:read`.
    """

    params: dict[str, Any] = {}

    params["plan_id"] = plan_id

    json_interval: str | Unset = UNSET
    if not isinstance(interval, Unset):
        json_interval = interval

    params["interval"] = json_interval

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {}
    _kwargs["params"] = params
    return Call(
        method="GET",
        path="/api/public/v1/subscriptions/{subscription_id}/change".format(
            subscription_id=quote(str(subscription_id), safe=""),
        ),
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> PlanChangeAnswer:
    if response.status_code == 200:
        response_200 = PlanChangeAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
