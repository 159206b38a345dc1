from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.usage_answer import UsageAnswer
from ...models.usage_batch_answer import UsageBatchAnswer
from ...models.usage_body import UsageBody
from ...types import UNSET, Unset


def post_usage(
    *,
    body: UsageBody,
    idempotency_key: str | Unset = UNSET,
) -> Call[UsageAnswer | UsageBatchAnswer]:
    """Charge credit for AI usage.

    One record: `credits` or `amount_micros` with a `description`, or `model` with
    `input_tokens`, `output_tokens` and perhaps `cached_tokens`, which the operator's price list
    prices (`GET /prices`). A repeated `reference` with the same words answers with the same
    charge; with others it is refused. Promotional credit goes first. A batch: `{"records":
    […]}`, at most 1,000, each charged or refused by itself, in their order. CloudEvents are
    taken too, one or a batch: `data` is a record, `source` and `id` its reference. Scope:
    `usage:write`.
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
        path="/api/public/v1/usage",
        parse=_parse,
        options=_kwargs,
        takes_key=True,
    )


def _parse(response: httpx.Response) -> UsageAnswer | UsageBatchAnswer:
    if response.status_code == 200:

        def _parse_response_200(data: object) -> UsageAnswer | UsageBatchAnswer:
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                response_200_type_0 = UsageAnswer.from_dict(data)

                return response_200_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            if not isinstance(data, dict):
                raise TypeError()
            response_200_type_1 = UsageBatchAnswer.from_dict(data)

            return response_200_type_1

        response_200 = _parse_response_200(response.json())

        return response_200

    raise unexpected(response)
