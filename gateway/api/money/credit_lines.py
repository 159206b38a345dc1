"""What brought the account credit: payments, and codes and vouchers that it redeemed; as a list or as CSV."""

import re
from collections.abc import Sequence
from typing import Final

from billing.reports.credit_history import NEWEST, CreditLine, CreditPlace, older
from gateway.answers import response_codes as codes
from gateway.answers.envelope import answer, listing
from gateway.answers.outcome import Listing, exported
from gateway.api.schemas.credits import CreditLine as LineShape
from gateway.http.lists import ROWS_AT_ONCE, CsvPage, Export, csv_stream
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply, Route
from kernel.errors import UnknownCursor
from kernel.fields import ExportPage, Fields

_READS: Final = ("billing:read",)
_EXPORT: Final = Export("credits", _READS, LineShape.__struct_fields__)
_PLACE: Final = re.compile(r"([0-9]{1,18})\.([a-z]{2,4}_[0-9A-Za-z]{1,32})")


async def list_credits(call: RequestContext[Fields, ExportPage]) -> Reply:
    tenant, limit = call.principal.tenant, call.query.limit

    async def read(before: CreditPlace, limit: int) -> Sequence[CreditLine]:
        return await call.context.database.read(
            lambda tx: older(tx, tenant, before=before, limit=limit)
        )

    async def csv_after(before: CreditPlace | None) -> CsvPage:
        rows = await read(before or NEWEST, ROWS_AT_ONCE)
        following = _place(rows[-1]) if len(rows) == ROWS_AT_ONCE else None
        return CsvPage([LineShape.of_line(one) for one in rows], following)

    first = _place_of(call.query.cursor)
    if call.query.format != "json":
        return await csv_stream(call, _EXPORT, call.query.format, csv_after, first)
    rows = await read(first, limit + 1)
    shown = listing(rows, limit, shape=LineShape.of_line, cursor=_cursor)
    return answer(codes.SUCCESS, shown, now_us=call.now_us)


def _place(line: CreditLine) -> CreditPlace:
    return line.created_at, line.id


def _cursor(line: CreditLine) -> str:
    return f"{line.created_at}.{line.id}"


def _place_of(cursor: str | None) -> CreditPlace:
    if cursor is None:
        return NEWEST
    found = _PLACE.fullmatch(cursor)
    if found is None:
        raise UnknownCursor
    return int(found[1]), found[2]


ROUTES = (
    Route(
        "GET",
        "/credits",
        list_credits,
        "What brought the account credit, newest first",
        scopes=_READS,
        query=ExportPage,
        description=(
            "Orders, and codes and vouchers that were redeemed into the account's wallet. A plan's"
            " credit comes with its periods and stands in the statement."
        ),
        answers=exported(Listing[LineShape]),
    ),
)
