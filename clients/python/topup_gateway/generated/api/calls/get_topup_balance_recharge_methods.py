from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.payment_methods_answer import PaymentMethodsAnswer
from ...types import UNSET, Unset


def get_topup_balance_recharge_methods(
    *,
    provider: str | Unset = UNSET,
) -> Call[PaymentMethodsAnswer]:
    """Saved means of payment.

    For a person who signed in: no key may set what is charged beyond the wallet. Scope:
    `billing:read`.
    """

    params: dict[str, Any] = {}

    params["provider"] = provider

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {}
    _kwargs["params"] = params
    return Call(
        method="GET",
        path="/api/public/v1/topup/balance/recharge/methods",
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> PaymentMethodsAnswer:
    if response.status_code == 200:
        response_200 = PaymentMethodsAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
