import datetime
from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.delivery_page_answer import DeliveryPageAnswer
from ...models.event_type import EventType
from ...models.get_deliveries_format import GetDeliveriesFormat
from ...models.get_deliveries_status import GetDeliveriesStatus
from ...types import UNSET, Unset


def get_deliveries(
    *,
    limit: int | Unset = 50,
    cursor: str | Unset = UNSET,
    format_: GetDeliveriesFormat | Unset = "json",
    status: GetDeliveriesStatus | Unset = UNSET,
    endpoint_id: str | Unset = UNSET,
    event_type: EventType | Unset = UNSET,
    transaction_id: str | Unset = UNSET,
    created_after: datetime.datetime | Unset = UNSET,
    created_before: datetime.datetime | Unset = UNSET,
) -> Call[DeliveryPageAnswer]:
    """List deliveries.

    Scope: `webhooks:read`.
    """

    params: dict[str, Any] = {}

    params["limit"] = limit

    params["cursor"] = cursor

    json_format_: str | Unset = UNSET
    if not isinstance(format_, Unset):
        json_format_ = format_

    params["format"] = json_format_

    json_status: str | Unset = UNSET
    if not isinstance(status, Unset):
        json_status = status

    params["status"] = json_status

    params["endpoint_id"] = endpoint_id

    json_event_type: str | Unset = UNSET
    if not isinstance(event_type, Unset):
        json_event_type = event_type

    params["event_type"] = json_event_type

    params["transaction_id"] = transaction_id

    json_created_after: str | Unset = UNSET
    if not isinstance(created_after, Unset):
        json_created_after = created_after.isoformat()
    params["created_after"] = json_created_after

    json_created_before: str | Unset = UNSET
    if not isinstance(created_before, Unset):
        json_created_before = created_before.isoformat()
    params["created_before"] = json_created_before

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {}
    _kwargs["params"] = params
    return Call(
        method="GET",
        path="/api/public/v1/deliveries",
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> DeliveryPageAnswer:
    if response.status_code == 200:
        response_200 = DeliveryPageAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
