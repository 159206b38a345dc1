from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.subscription_page_answer import SubscriptionPageAnswer
from ...types import UNSET, Unset


def get_subscriptions(
    *,
    limit: int | Unset = 50,
    cursor: str | Unset = UNSET,
) -> Call[SubscriptionPageAnswer]:
    """The account's plans, newest first.

    Scope: `billing:read`.
    """

    params: dict[str, Any] = {}

    params["limit"] = limit

    params["cursor"] = cursor

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {}
    _kwargs["params"] = params
    return Call(
        method="GET",
        path="/api/public/v1/subscriptions",
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> SubscriptionPageAnswer:
    if response.status_code == 200:
        response_200 = SubscriptionPageAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
