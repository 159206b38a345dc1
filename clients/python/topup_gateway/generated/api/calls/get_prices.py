from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.get_prices_format import GetPricesFormat
from ...models.price_page_answer import PricePageAnswer
from ...types import UNSET, Unset


def get_prices(
    *,
    limit: int | Unset = 50,
    cursor: str | Unset = UNSET,
    format_: GetPricesFormat | Unset = "json",
    model: str | Unset = UNSET,
) -> Call[PricePageAnswer]:
    """What tokens of each model cost.

    For 1,000,000 tokens, by kind. With `model` the price that counts for it: its own, or that
    of the longest entry ending in `*` that it begins with; a model without one is refused, with
    the most similar name. Scope: `usage:read` or `usage:write`.
    """

    params: dict[str, Any] = {}

    params["limit"] = limit

    params["cursor"] = cursor

    json_format_: str | Unset = UNSET
    if not isinstance(format_, Unset):
        json_format_ = format_

    params["format"] = json_format_

    params["model"] = model

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {}
    _kwargs["params"] = params
    return Call(
        method="GET",
        path="/api/public/v1/prices",
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> PricePageAnswer:
    if response.status_code == 200:
        response_200 = PricePageAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
