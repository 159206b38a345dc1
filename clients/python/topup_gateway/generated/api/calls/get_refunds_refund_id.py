from typing import Any
from urllib.parse import quote

import httpx

from ....call import Call, unexpected
from ...models.refund_answer import RefundAnswer


def get_refunds_refund_id(
    refund_id: str,
) -> Call[RefundAnswer]:
    """A refund and what became of it.

    Scope: `admin`.
    """

    _kwargs: dict[str, Any] = {}
    return Call(
        method="GET",
        path="/api/public/v1/refunds/{refund_id}".format(
            refund_id=quote(str(refund_id), safe=""),
        ),
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> RefundAnswer:
    if response.status_code == 200:
        response_200 = RefundAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
