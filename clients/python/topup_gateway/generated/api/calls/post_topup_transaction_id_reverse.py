from typing import Any
from urllib.parse import quote

import httpx

from ....call import Call, unexpected
from ...models.reverse_body import ReverseBody
from ...models.reversed_top_up_202_answer import ReversedTopUp202Answer
from ...models.reversed_top_up_answer import ReversedTopUpAnswer
from ...types import UNSET, Unset


def post_topup_transaction_id_reverse(
    transaction_id: str,
    *,
    body: ReverseBody,
    idempotency_key: str | Unset = UNSET,
) -> Call[ReversedTopUp202Answer | ReversedTopUpAnswer]:
    """Take a delivered top-up back that was not used.

    Credit in the recipient's wallet here comes back at once and whole, while its voucher was
    not redeemed. What a supplier handed over counts as used, unless that supplier can revoke
    it: then the answer is 202 with status reversing, and topup.reversed follows once it
    confirmed; a no leaves the top-up delivered. Called again it answers the same. Scope:
    `topup:reverse`.
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
        path="/api/public/v1/topup/{transaction_id}/reverse".format(
            transaction_id=quote(str(transaction_id), safe=""),
        ),
        parse=_parse,
        options=_kwargs,
        takes_key=True,
    )


def _parse(response: httpx.Response) -> ReversedTopUp202Answer | ReversedTopUpAnswer:
    if response.status_code == 200:
        response_200 = ReversedTopUpAnswer.from_dict(response.json())

        return response_200

    if response.status_code == 202:
        response_202 = ReversedTopUp202Answer.from_dict(response.json())

        return response_202

    raise unexpected(response)
