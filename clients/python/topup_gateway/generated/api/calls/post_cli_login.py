from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.cli_login_answer import CliLoginAnswer
from ...models.cli_login_body import CliLoginBody


def post_cli_login(
    *,
    body: CliLoginBody,
) -> Call[CliLoginAnswer]:
    """Begin to log a machine in by a person's browser.

    For a command line or a device without a key (RFC 8628). Show the user code and the address;
    a person who is signed in there compares the code, picks environment and scopes, and allows
    it or not. Meanwhile poll POST /cli/login/token. No credential.
    """

    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {}
    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"
    _kwargs["headers"] = headers
    return Call(
        method="POST",
        path="/api/public/v1/cli/login",
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> CliLoginAnswer:
    if response.status_code == 201:
        response_201 = CliLoginAnswer.from_dict(response.json())

        return response_201

    raise unexpected(response)
