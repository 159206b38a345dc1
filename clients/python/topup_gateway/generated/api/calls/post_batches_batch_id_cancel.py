from typing import Any
from urllib.parse import quote

import httpx

from ....call import Call, unexpected
from ...models.batch_answer import BatchAnswer
from ...types import UNSET, Unset


def post_batches_batch_id_cancel(
    batch_id: str,
    *,
    idempotency_key: str | Unset = UNSET,
) -> Call[BatchAnswer]:
    """Take back what is not delivered yet.

    What is scheduled, waits for a person or was not handed over yet is cancelled, and its funds
    come back. What is with its platform already goes on. A key takes back what it or a key
    below it sent; what others sent, with `topup:reverse`. Scope: `topup:send`.
    """

    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    _kwargs: dict[str, Any] = {}
    _kwargs["headers"] = headers
    return Call(
        method="POST",
        path="/api/public/v1/batches/{batch_id}/cancel".format(
            batch_id=quote(str(batch_id), safe=""),
        ),
        parse=_parse,
        options=_kwargs,
        takes_key=True,
    )


def _parse(response: httpx.Response) -> BatchAnswer:
    if response.status_code == 200:
        response_200 = BatchAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
