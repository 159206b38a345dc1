from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.sandbox_body import SandboxBody
from ...models.sandbox_key_answer import SandboxKeyAnswer
from ...types import UNSET, Unset


def post_keys_sandbox(
    *,
    body: SandboxBody | Unset = UNSET,
) -> Call[SandboxKeyAnswer]:
    """Make a sandbox account.

    A fresh staging account with test credit, and its key: no sign-up needed. The approver_key
    decides on sends that wait for an approval, which the key itself cannot. No credential.
    """

    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {}

    if not isinstance(body, Unset):
        _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"
    _kwargs["headers"] = headers
    return Call(
        method="POST",
        path="/api/public/v1/keys/sandbox",
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> SandboxKeyAnswer:
    if response.status_code == 201:
        response_201 = SandboxKeyAnswer.from_dict(response.json())

        return response_201

    raise unexpected(response)
