from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.accepted_batch_202_answer import AcceptedBatch202Answer
from ...models.bulk_body import BulkBody
from ...models.bulk_quote_answer import BulkQuoteAnswer
from ...types import UNSET, Unset


def post_topup_bulk(
    *,
    body: BulkBody,
    all_or_nothing: bool | Unset = UNSET,
    dry_run: bool | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
) -> Call[AcceptedBatch202Answer | BulkQuoteAnswer]:
    """Send many top-ups in one call.

    At most 1,000 items, each with a `reference` of its own: as JSON, or as CSV (`Content-Type:
    text/csv`, the names of the fields in the first line; metadata as `metadata.name`). Each
    item is accepted or refused by itself, with the code and the error of a send; with
    `all_or_nothing` none is accepted where one is refused. The answer comes when all of that is
    kept; give an Idempotency-Key, and a repeated call sends nothing twice, nor does an item
    whose `intent` names a top-up already: it is refused with that one's id. If nothing was
    accepted, the answer is 422 with 3010. With `dry_run` nothing is written: 200, and what it
    would cost. Scope: `topup:send`.
    """

    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    params: dict[str, Any] = {}

    params["all_or_nothing"] = all_or_nothing

    params["dry_run"] = dry_run

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {}
    _kwargs["params"] = params
    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"
    _kwargs["headers"] = headers
    return Call(
        method="POST",
        path="/api/public/v1/topup/bulk",
        parse=_parse,
        options=_kwargs,
        takes_key=True,
    )


def _parse(response: httpx.Response) -> AcceptedBatch202Answer | BulkQuoteAnswer:
    if response.status_code == 200:
        response_200 = BulkQuoteAnswer.from_dict(response.json())

        return response_200

    if response.status_code == 202:
        response_202 = AcceptedBatch202Answer.from_dict(response.json())

        return response_202

    raise unexpected(response)
