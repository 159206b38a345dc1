from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.get_usage_format import GetUsageFormat
from ...models.get_usage_group_by import GetUsageGroupBy
from ...models.usage_groups_answer import UsageGroupsAnswer
from ...models.usage_line_page_answer import UsageLinePageAnswer
from ...types import UNSET, Unset


def get_usage(
    *,
    limit: int | Unset = 50,
    cursor: str | Unset = UNSET,
    format_: GetUsageFormat | Unset = "json",
    model: str | Unset = UNSET,
    key: str | Unset = UNSET,
    reference: str | Unset = UNSET,
    from_: str | Unset = UNSET,
    to: str | Unset = UNSET,
    group_by: GetUsageGroupBy | Unset = UNSET,
) -> Call[UsageGroupsAnswer | UsageLinePageAnswer]:
    """What was used, newest first, or its sums by day, model or key.

    Charges, captured holds at the time they were set aside, and what apps took. With `group_by`
    the sums of whole UTC days, 30 unless `from` and `to` say others, at most 366. `format=csv`
    streams all of it. Scope: `usage:read`.
    """

    params: dict[str, Any] = {}

    params["limit"] = limit

    params["cursor"] = cursor

    json_format_: str | Unset = UNSET
    if not isinstance(format_, Unset):
        json_format_ = format_

    params["format"] = json_format_

    params["model"] = model

    params["key"] = key

    params["reference"] = reference

    params["from"] = from_

    params["to"] = to

    json_group_by: str | Unset = UNSET
    if not isinstance(group_by, Unset):
        json_group_by = group_by

    params["group_by"] = json_group_by

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {}
    _kwargs["params"] = params
    return Call(
        method="GET",
        path="/api/public/v1/usage",
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> UsageGroupsAnswer | UsageLinePageAnswer:
    if response.status_code == 200:

        def _parse_response_200(data: object) -> UsageGroupsAnswer | UsageLinePageAnswer:
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                response_200_type_0 = UsageLinePageAnswer.from_dict(data)

                return response_200_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            if not isinstance(data, dict):
                raise TypeError()
            response_200_type_1 = UsageGroupsAnswer.from_dict(data)

            return response_200_type_1

        response_200 = _parse_response_200(response.json())

        return response_200

    raise unexpected(response)
