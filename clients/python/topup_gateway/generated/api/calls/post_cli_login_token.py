from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.cli_login_pending_202_answer import CliLoginPending202Answer
from ...models.cli_token_body import CliTokenBody
from ...models.created_key_answer import CreatedKeyAnswer


def post_cli_login_token(
    *,
    body: CliTokenBody,
) -> Call[CliLoginPending202Answer | CreatedKeyAnswer]:
    """Ask whether the person allowed it.

    202 with `reason: authorization_pending` until somebody decided; then 201 with the key,
    once. 4001 with `reason: slow_down`: wait longer from now on, as Retry-After says. 2007 with
    `expired_token`: the code is over or was used. 2009 with `access_denied`: the person
    refused, or has lost the access with which they allowed it. No credential.
    """

    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {}
    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"
    _kwargs["headers"] = headers
    return Call(
        method="POST",
        path="/api/public/v1/cli/login/token",
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> CliLoginPending202Answer | CreatedKeyAnswer:
    if response.status_code == 201:
        response_201 = CreatedKeyAnswer.from_dict(response.json())

        return response_201

    if response.status_code == 202:
        response_202 = CliLoginPending202Answer.from_dict(response.json())

        return response_202

    raise unexpected(response)
