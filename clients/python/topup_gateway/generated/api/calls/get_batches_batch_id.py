from typing import Any
from urllib.parse import quote

import httpx

from ....call import Call, unexpected
from ...models.batch_story_answer import BatchStoryAnswer
from ...models.get_batches_batch_id_format import GetBatchesBatchIdFormat
from ...models.get_batches_batch_id_status import GetBatchesBatchIdStatus
from ...types import UNSET, Unset


def get_batches_batch_id(
    batch_id: str,
    *,
    limit: int | Unset = 50,
    cursor: str | Unset = UNSET,
    format_: GetBatchesBatchIdFormat | Unset = "json",
    status: GetBatchesBatchIdStatus | Unset = UNSET,
) -> Call[BatchStoryAnswer]:
    """A bulk send with its items.

    Scope: `topup:read`.
    """

    params: dict[str, Any] = {}

    params["limit"] = limit

    params["cursor"] = cursor

    json_format_: str | Unset = UNSET
    if not isinstance(format_, Unset):
        json_format_ = format_

    params["format"] = json_format_

    json_status: str | Unset = UNSET
    if not isinstance(status, Unset):
        json_status = status

    params["status"] = json_status

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {}
    _kwargs["params"] = params
    return Call(
        method="GET",
        path="/api/public/v1/batches/{batch_id}".format(
            batch_id=quote(str(batch_id), safe=""),
        ),
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> BatchStoryAnswer:
    if response.status_code == 200:
        response_200 = BatchStoryAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
