"""Notices of failing endpoints: what the account should look at, newest first."""

from functools import partial
from typing import Annotated

from msgspec import Meta

from gateway.answers.answer import Answer
from gateway.answers.outcome import Listing, ok
from gateway.api.schemas.webhooks import Notice as NoticeShape
from gateway.http.lists import list_rows
from gateway.http.request_context import RequestContext
from gateway.http.routing import Route
from kernel.fields import Fields, Page
from webhooks.deliveries import notice


class NoticesQuery(Page, frozen=True, kw_only=True):
    """open: true for what still goes on, false for what is over; both unless given."""

    open: (
        Annotated[
            bool, Meta(description="true: what still goes on. false: what is over. Left out: both.")
        ]
        | None
    ) = None


async def list_notices(call: RequestContext[Fields, NoticesQuery]) -> Answer:
    read = partial(notice.list_notices, tenant=call.principal.tenant, is_open=call.query.open)
    return await list_rows(call, "ntc", read, shape=NoticeShape.of)


ROUTES = (
    Route(
        "GET",
        "/notices",
        list_notices,
        "List notices of failing webhooks",
        ("webhooks:read",),
        query=NoticesQuery,
        answers=ok(Listing[NoticeShape]),
    ),
)
