from typing import Any
from urllib.parse import quote

import httpx

from ....call import Call, unexpected
from ...models.outcome_body import OutcomeBody
from ...models.settled_top_up_answer import SettledTopUpAnswer
from ...types import UNSET, Unset


def post_sandbox_topups_transaction_id(
    transaction_id: str,
    *,
    body: OutcomeBody,
    idempotency_key: str | Unset = UNSET,
) -> Call[SettledTopUpAnswer]:
    """Settle a pending staging top-up.

    As its fulfilment would. One that waits for an approval is refused (2009, `reason:
    awaits_approval`): whoever asks does not decide. The `approver_key` of a sandbox account
    decides, or a person in the dashboard. Scope: `topup:send`.
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
        path="/api/public/v1/sandbox/topups/{transaction_id}".format(
            transaction_id=quote(str(transaction_id), safe=""),
        ),
        parse=_parse,
        options=_kwargs,
        takes_key=True,
    )


def _parse(response: httpx.Response) -> SettledTopUpAnswer:
    if response.status_code == 200:
        response_200 = SettledTopUpAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
