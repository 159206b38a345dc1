from typing import Any
from urllib.parse import quote

import httpx

from ....call import Call, unexpected
from ...models.api_key_answer import ApiKeyAnswer
from ...types import UNSET, Unset


def post_keys_key_id_resume(
    key_id: str,
    *,
    idempotency_key: str | Unset = UNSET,
) -> Call[ApiKeyAnswer]:
    """Resume a paused key.

    By a person, or by a key that has no ancestor in common with it: an agent that was stopped
    does not start itself again. 2009 with reason lineage for others. Scope: `keys:write` or
    `approvals:write`.
    """

    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    _kwargs: dict[str, Any] = {}
    _kwargs["headers"] = headers
    return Call(
        method="POST",
        path="/api/public/v1/keys/{key_id}/resume".format(
            key_id=quote(str(key_id), safe=""),
        ),
        parse=_parse,
        options=_kwargs,
        takes_key=True,
    )


def _parse(response: httpx.Response) -> ApiKeyAnswer:
    if response.status_code == 200:
        response_200 = ApiKeyAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
