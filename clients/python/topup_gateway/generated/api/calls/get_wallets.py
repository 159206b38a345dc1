from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.get_wallets_format import GetWalletsFormat
from ...models.recipient_wallet_page_answer import RecipientWalletPageAnswer
from ...types import UNSET, Unset


def get_wallets(
    *,
    limit: int | Unset = 50,
    cursor: str | Unset = UNSET,
    format_: GetWalletsFormat | Unset = "json",
    recipient_email: str | Unset = UNSET,
    platform: str | Unset = UNSET,
) -> Call[RecipientWalletPageAnswer]:
    """Recipients' wallets.

    Scope: `topup:read`.
    """

    params: dict[str, Any] = {}

    params["limit"] = limit

    params["cursor"] = cursor

    json_format_: str | Unset = UNSET
    if not isinstance(format_, Unset):
        json_format_ = format_

    params["format"] = json_format_

    params["recipient_email"] = recipient_email

    params["platform"] = platform

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {}
    _kwargs["params"] = params
    return Call(
        method="GET",
        path="/api/public/v1/wallets",
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> RecipientWalletPageAnswer:
    if response.status_code == 200:
        response_200 = RecipientWalletPageAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
