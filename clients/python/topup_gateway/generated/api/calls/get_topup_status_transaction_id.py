from typing import Any
from urllib.parse import quote

import httpx

from ....call import Call, unexpected
from ...models.top_up_story_answer import TopUpStoryAnswer
from ...types import UNSET, Unset


def get_topup_status_transaction_id(
    transaction_id: str,
    *,
    wait_s: int | Unset = 0,
) -> Call[TopUpStoryAnswer]:
    """A top-up with its ledger transfers and events.

    200 whatever its state; the code says which. With `wait_s` it answers as soon as the state
    changes, or after so many seconds; at once where the state is final. Scope: `topup:read`.
    """

    params: dict[str, Any] = {}

    params["wait_s"] = wait_s

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {}
    _kwargs["params"] = params
    return Call(
        method="GET",
        path="/api/public/v1/topup/status/{transaction_id}".format(
            transaction_id=quote(str(transaction_id), safe=""),
        ),
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> TopUpStoryAnswer:
    if response.status_code == 200:
        response_200 = TopUpStoryAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
