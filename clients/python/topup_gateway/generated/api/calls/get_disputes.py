from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.dispute_page_answer import DisputePageAnswer
from ...models.get_disputes_state import GetDisputesState
from ...types import UNSET, Unset


def get_disputes(
    *,
    limit: int | Unset = 50,
    cursor: str | Unset = UNSET,
    state: GetDisputesState | Unset = "open",
) -> Call[DisputePageAnswer]:
    """Disputes: the open ones, the nearest end of evidence first, or the ended ones.

    Scope: `admin`.
    """

    params: dict[str, Any] = {}

    params["limit"] = limit

    params["cursor"] = cursor

    json_state: str | Unset = UNSET
    if not isinstance(state, Unset):
        json_state = state

    params["state"] = json_state

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {}
    _kwargs["params"] = params
    return Call(
        method="GET",
        path="/api/public/v1/disputes",
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> DisputePageAnswer:
    if response.status_code == 200:
        response_200 = DisputePageAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
