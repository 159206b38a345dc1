from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.send_body import SendBody
from ...models.sent_202_answer import Sent202Answer
from ...models.sent_answer import SentAnswer
from ...models.sent_for_approval_202_answer import SentForApproval202Answer
from ...types import UNSET, Unset


def post_topup_send(
    *,
    body: SendBody,
    idempotency_key: str | Unset = UNSET,
) -> Call[Sent202Answer | SentForApproval202Answer | SentAnswer]:
    """Send prepaid credit to a recipient's wallet.

    Debits the account's wallet, credits the recipient's, issues the voucher and sends the
    webhook, all in one transaction. Pending where the platform takes its time, or where a
    person has to approve. With `send_at` it is scheduled: the funds are held and the caps
    counted now, it can be cancelled until then, and at its time the key, the account and the
    platform are looked at again (3005 and a refund where one of them refuses). Give an
    Idempotency-Key, and a repeated call sends once; an `intent` does the same over all doors
    and all keys of the account. Scope: `topup:send`.
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
        path="/api/public/v1/topup/send",
        parse=_parse,
        options=_kwargs,
        takes_key=True,
    )


def _parse(response: httpx.Response) -> Sent202Answer | SentForApproval202Answer | SentAnswer:
    if response.status_code == 200:
        response_200 = SentAnswer.from_dict(response.json())

        return response_200

    if response.status_code == 202:

        def _parse_response_202(data: object) -> Sent202Answer | SentForApproval202Answer:
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                response_202_type_0 = Sent202Answer.from_dict(data)

                return response_202_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            if not isinstance(data, dict):
                raise TypeError()
            response_202_type_1 = SentForApproval202Answer.from_dict(data)

            return response_202_type_1

        response_202 = _parse_response_202(response.json())

        return response_202

    raise unexpected(response)
