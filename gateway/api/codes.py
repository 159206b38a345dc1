"""Codes: list the numeric codes for programs, without a credential."""

from typing import Annotated, Literal

from msgspec import Meta

from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.answers.outcome import ok
from gateway.http.lists import short_list
from gateway.http.request_context import RequestContext
from gateway.http.routing import Route
from kernel.fields import Fields, Page
from kernel.shaped import Listing, Shaped


class CodeRow(Shaped, kw_only=True):
    """A numeric code. `http_status` is the HTTP status that it usually has."""

    code: Annotated[int, Meta(ge=1000, le=5002, description="The code.")]
    message: str
    http_status: Annotated[int, Meta(description="The usual HTTP status.")]
    http_statuses: Annotated[
        list[int],
        Meta(description="All HTTP statuses that can come with the code, the usual one first."),
    ]
    success: Annotated[bool, Meta(description="The value of `success` with the usual HTTP status.")]
    retryable: bool
    next_action: Literal["fix_request", "wait", "top_up", "ask_human", "stop"] | None


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
