from typing import Any
from urllib.parse import quote

import httpx

from ....call import Call, unexpected
from ...models.recipient_mail_answer import RecipientMailAnswer
from ...types import UNSET, Unset


def post_topup_transaction_id_resend(
    transaction_id: str,
    *,
    idempotency_key: str | Unset = UNSET,
) -> Call[RecipientMailAnswer]:
    """Send the recipient's mail once more.

    To the top-up's own recipient, with the link to the claim page. While a mail is on its way
    no second one is written. Counts against the limits of mail in 24 hours. Scope:
    `topup:send`.
    """

    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    _kwargs: dict[str, Any] = {}
    _kwargs["headers"] = headers
    return Call(
        method="POST",
        path="/api/public/v1/topup/{transaction_id}/resend".format(
            transaction_id=quote(str(transaction_id), safe=""),
        ),
        parse=_parse,
        options=_kwargs,
        takes_key=True,
    )


def _parse(response: httpx.Response) -> RecipientMailAnswer:
    if response.status_code == 200:
        response_200 = RecipientMailAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
