import datetime
from typing import Any

import httpx

from ....call import Call, unexpected
from ...models.billing_document_page_answer import BillingDocumentPageAnswer
from ...models.get_documents_format import GetDocumentsFormat
from ...models.get_documents_kind import GetDocumentsKind
from ...types import UNSET, Unset


def get_documents(
    *,
    limit: int | Unset = 50,
    cursor: str | Unset = UNSET,
    format_: GetDocumentsFormat | Unset = "json",
    kind: GetDocumentsKind | Unset = UNSET,
    order_id: str | Unset = UNSET,
    subscription_id: str | Unset = UNSET,
    dated_after: datetime.datetime | Unset = UNSET,
    dated_before: datetime.datetime | Unset = UNSET,
) -> Call[BillingDocumentPageAnswer]:
    """Receipts and credit notes, newest first.

    Scope: `billing:read`.
    """

    params: dict[str, Any] = {}

    params["limit"] = limit

    params["cursor"] = cursor

    json_format_: str | Unset = UNSET
    if not isinstance(format_, Unset):
        json_format_ = format_

    params["format"] = json_format_

    json_kind: str | Unset = UNSET
    if not isinstance(kind, Unset):
        json_kind = kind

    params["kind"] = json_kind

    params["order_id"] = order_id

    params["subscription_id"] = subscription_id

    json_dated_after: str | Unset = UNSET
    if not isinstance(dated_after, Unset):
        json_dated_after = dated_after.isoformat()
    params["dated_after"] = json_dated_after

    json_dated_before: str | Unset = UNSET
    if not isinstance(dated_before, Unset):
        json_dated_before = dated_before.isoformat()
    params["dated_before"] = json_dated_before

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {}
    _kwargs["params"] = params
    return Call(
        method="GET",
        path="/api/public/v1/documents",
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> BillingDocumentPageAnswer:
    if response.status_code == 200:
        response_200 = BillingDocumentPageAnswer.from_dict(response.json())

        return response_200

    raise unexpected(response)
