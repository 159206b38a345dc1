from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.batch_page_answer import BatchPageAnswer
from ...models.get_batches_format import GetBatchesFormat
from ...types import UNSET, Unset


def get_batches(
    *,
    limit: int | Unset = 50,
    cursor: str | Unset = UNSET,
    format_: GetBatchesFormat | Unset = "json",
) -> Call[BatchPageAnswer]:
    """Bulk sends, newest first.

    Scope: `topup:read`.
    """

    params: dict[str, Any] = {}

    params["limit"] = limit

    params["cursor"] = cursor

    json_format_: str | Unset = UNSET
    if not isinstance(format_, Unset):
        json_format_ = format_

    params["format"] = json_format_

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {}
    _kwargs["params"] = params
    return Call(
        method="GET",
        path="/api/public/v1/batches",
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> BatchPageAnswer:
    if response.status_code == 200:
        response_200 = BatchPageAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
