from typing import Any
from urllib.parse import quote

import httpx

from ....call import Call, unexpected
from ...models.decide_body import DecideBody
from ...models.refund_answer import RefundAnswer
from ...types import UNSET, Unset


def post_refunds_refund_id_decide(
    refund_id: str,
    *,
    body: DecideBody,
    idempotency_key: str | Unset = UNSET,
) -> Call[RefundAnswer]:
    """Say what became of a refund whose provider does not.

    For operators who looked at the provider's own pages: `made` takes the credit, and
    `not_made` gives it back. A refund that ended is not decided again. Scope: `admin`.
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
        path="/api/public/v1/refunds/{refund_id}/decide".format(
            refund_id=quote(str(refund_id), safe=""),
        ),
        parse=_parse,
        options=_kwargs,
        takes_key=True,
    )


def _parse(response: httpx.Response) -> RefundAnswer:
    if response.status_code == 200:
        response_200 = RefundAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
