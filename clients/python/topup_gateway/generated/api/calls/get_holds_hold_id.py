from typing import Any
from urllib.parse import quote

import httpx

from ....call import Call, unexpected
from ...models.hold_answer import HoldAnswer


def get_holds_hold_id(
    hold_id: str,
) -> Call[HoldAnswer]:
    """A hold.

    Scope: `usage:write`.
    """

    _kwargs: dict[str, Any] = {}
    return Call(
        method="GET",
        path="/api/public/v1/holds/{hold_id}".format(
            hold_id=quote(str(hold_id), safe=""),
        ),
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> HoldAnswer:
    if response.status_code == 200:
        response_200 = HoldAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
