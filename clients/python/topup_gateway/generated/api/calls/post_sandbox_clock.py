from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.account_clock_answer import AccountClockAnswer
from ...models.clock_body import ClockBody
from ...types import UNSET, Unset


def post_sandbox_clock(
    *,
    body: ClockBody,
    idempotency_key: str | Unset = UNSET,
) -> Call[AccountClockAnswer]:
    """Let the staging account see a later time.

    Approvals, holds, promotional credit, codes, scheduled sends, subscriptions, the caps and
    mandates of keys and the ends of keys go by it, and what is shown of them. It goes forward
    only, ten years at most. Who is bound by a limit that time gives back does not move it
    (2009, `reason: limited`): a person, or a key without such a limit, does. Scope:
    `topup:send` or `usage:write` or `billing:write`.
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
        path="/api/public/v1/sandbox/clock",
        parse=_parse,
        options=_kwargs,
        takes_key=True,
    )


def _parse(response: httpx.Response) -> AccountClockAnswer:
    if response.status_code == 200:
        response_200 = AccountClockAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
