from typing import Any
from urllib.parse import quote

import httpx

from ....call import Call, unexpected
from ...models.replay_202_answer import Replay202Answer
from ...models.replay_body import ReplayBody
from ...models.replay_count_202_answer import ReplayCount202Answer
from ...types import UNSET, Unset


def post_webhooks_endpoint_id_replay(
    endpoint_id: str,
    *,
    body: ReplayBody | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
) -> Call[Replay202Answer | ReplayCount202Answer]:
    """Send deliveries of a period again.

    Scope: `webhooks:write`.
    """

    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    _kwargs: dict[str, Any] = {}

    if not isinstance(body, Unset):
        _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"
    _kwargs["headers"] = headers
    return Call(
        method="POST",
        path="/api/public/v1/webhooks/{endpoint_id}/replay".format(
            endpoint_id=quote(str(endpoint_id), safe=""),
        ),
        parse=_parse,
        options=_kwargs,
        takes_key=True,
    )


def _parse(response: httpx.Response) -> Replay202Answer | ReplayCount202Answer:
    if response.status_code == 202:

        def _parse_response_202(data: object) -> Replay202Answer | ReplayCount202Answer:
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                response_202_type_0 = Replay202Answer.from_dict(data)

                return response_202_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            if not isinstance(data, dict):
                raise TypeError()
            response_202_type_1 = ReplayCount202Answer.from_dict(data)

            return response_202_type_1

        response_202 = _parse_response_202(response.json())

        return response_202

    raise unexpected(response)
