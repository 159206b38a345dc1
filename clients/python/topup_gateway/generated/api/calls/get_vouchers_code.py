from typing import Any
from urllib.parse import quote

import httpx

from ....call import Call, unexpected
from ...models.issued_voucher_answer import IssuedVoucherAnswer


def get_vouchers_code(
    code: str,
) -> Call[IssuedVoucherAnswer]:
    """A voucher that this account issued.

    Scope: `topup:read`.
    """

    _kwargs: dict[str, Any] = {}
    return Call(
        method="GET",
        path="/api/public/v1/vouchers/{code}".format(
            code=quote(str(code), safe=""),
        ),
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> IssuedVoucherAnswer:
    if response.status_code == 200:
        response_200 = IssuedVoucherAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
