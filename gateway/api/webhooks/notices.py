"""Notices of failing endpoints: what the account should look at, newest first."""

from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer, listing
from gateway.answers.outcome import Listing, ok
from gateway.api.schemas.webhooks import Notice as NoticeShape
from gateway.http.fields import Fields, Page, cursor_id
from gateway.http.request_context import RequestContext
from gateway.http.routing import Route
from webhooks.deliveries import notice


class NoticesQuery(Page, frozen=True, kw_only=True):
    """open: true for what still goes on, false for what is over; both unless given."""

    open: bool | None = None


async def list_notices(call: RequestContext[Fields, NoticesQuery]) -> Answer:
    query, tenant = call.query, call.principal.tenant
    before_id = cursor_id(query.cursor, "ntc")
    rows = await call.context.database.read(
        lambda tx: notice.list_notices(
            tx, tenant, is_open=query.open, before_id=before_id, limit=query.limit + 1
        )
    )
    data = listing(rows, query.limit, shape=NoticeShape.of, cursor=lambda row: row.id)
    return answer(codes.SUCCESS, data, now_us=call.now_us)


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
