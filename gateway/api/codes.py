"""Codes: the table of numeric codes, for programs; it needs no credential."""

from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.answers.outcome import Listing, ok
from gateway.api.schemas.keys import CodeRow
from gateway.http.lists import short_list
from gateway.http.request_context import RequestContext
from gateway.http.routing import Route
from kernel.fields import Fields, Page

_ITEMS = [
    CodeRow.of(row, success=row.is_success, retryable=row.is_retryable)
    for row in codes.CODES.values()
]


async def list_codes(call: RequestContext[Fields, Page]) -> Answer:
    data = short_list(_ITEMS, call.query, lambda row: str(row.code))
    return answer(codes.SUCCESS, data, now_us=call.now_us)


ROUTES = (
    Route(
        "GET",
        "/codes",
        list_codes,
        "List all codes",
        is_public=True,
        query=Page,
        answers=ok(Listing[CodeRow]),
    ),
)
