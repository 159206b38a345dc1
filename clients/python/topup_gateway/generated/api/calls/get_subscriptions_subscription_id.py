from typing import Any
from urllib.parse import quote

import httpx

from ....call import Call, unexpected
from ...models.subscription_answer import SubscriptionAnswer


def get_subscriptions_subscription_id(
    subscription_id: str,
) -> Call[SubscriptionAnswer]:
    """A plan of the account, and what comes next.

    Scope: `billing:read`.
    """

    _kwargs: dict[str, Any] = {}
    return Call(
        method="GET",
        path="/api/public/v1/subscriptions/{subscription_id}".format(
            subscription_id=quote(str(subscription_id), safe=""),
        ),
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> SubscriptionAnswer:
    if response.status_code == 200:
        response_200 = SubscriptionAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
