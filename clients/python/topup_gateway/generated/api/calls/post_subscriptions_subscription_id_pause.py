from typing import Any
from urllib.parse import quote

import httpx

from ....call import Call, unexpected
from ...models.pause_plan_body import PausePlanBody
from ...models.subscription_202_answer import Subscription202Answer
from ...models.subscription_answer import SubscriptionAnswer
from ...types import UNSET, Unset


def post_subscriptions_subscription_id_pause(
    subscription_id: str,
    *,
    body: PausePlanBody | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
) -> Call[Subscription202Answer | SubscriptionAnswer]:
    """Pause a plan: nothing is charged until it goes on.

    What is paid for is kept; for time that passes while it is paused nothing is charged and no
    credit comes. The provider does it, and its word moves the subscription: 202 with `pending`
    where it gave no clear answer; it is then asked again by itself, and nothing is done twice.
    Scope: `billing:write`.
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
        path="/api/public/v1/subscriptions/{subscription_id}/pause".format(
            subscription_id=quote(str(subscription_id), safe=""),
        ),
        parse=_parse,
        options=_kwargs,
        takes_key=True,
    )


def _parse(response: httpx.Response) -> Subscription202Answer | SubscriptionAnswer:
    if response.status_code == 200:
        response_200 = SubscriptionAnswer.from_dict(response.json())

        return response_200

    if response.status_code == 202:
        response_202 = Subscription202Answer.from_dict(response.json())

        return response_202

    raise unexpected(response)
