"""The statement: opening balance, every transfer, closing balance; JSON or CSV, streamed."""

from collections.abc import AsyncIterator
from typing import Literal

import msgspec

from billing.ledger import statement
from billing.ledger.money import micros_to_cents
from gateway.answers import response_codes as codes
from gateway.answers.outcome import JSON, Outcome
from gateway.answers.response_codes import CODES
from gateway.api.schemas.topups import StatedTransfer, Statement
from gateway.http.fields import Fields, Time, time_us
from gateway.http.lists import streamed
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply, Route
from kernel.clock import rfc3339
from kernel.csv_text import csv_head, csv_lines
from kernel.errors import InvalidInput

_encode = msgspec.json.Encoder().encode
_READS = ("topup:read",)
_CSV_COLUMNS = (
    "id",
    "created_at",
    "code",
    "debit",
    "credit",
    "amount_cents",
    "amount_micros",
    "change_micros",
    "balance_micros",
)


class StatementQuery(
    Fields, frozen=True, kw_only=True, rename={"since": "from", "until": "to", "form": "format"}
):
    """from is inclusive (default: the beginning), to exclusive (default: now)."""

    since: Time | None = None
    until: Time | None = None
    form: Literal["json", "csv"] = "json"


async def show(call: RequestContext[Fields, StatementQuery]) -> Reply:
    """Streams page by page: the statement of a busy account does not fit in memory."""
    now_us = call.now_us
    since = time_us(call.query.since, "from") or 0
    until = time_us(call.query.until, "to")
    until = now_us + 1 if until is None else until
    if since >= until:
        raise InvalidInput("from is before to", param="from")
    tenant, database = call.principal.tenant, call.context.database
    opening_micros = await statement.opening_micros(database, tenant, before=since)
    lines = statement.lines(database, tenant, since=since, until=until)
    if call.query.form == "csv":
        headers = {"Content-Disposition": 'attachment; filename="statement.csv"'}
        parts, media_type = _csv(opening_micros, lines), "text/csv; charset=utf-8"
        return streamed(call, _READS, parts, media_type=media_type, headers=headers)
    head = statement.statement_head(
        since=rfc3339(since), until=rfc3339(until), opening_micros=opening_micros
    )
    parts = _json(head, opening_micros, lines, now_us)
    return streamed(call, _READS, parts, media_type="application/json")


async def _json(
    head: dict[str, object],
    opening_micros: int,
    lines: AsyncIterator[statement.StatementLine],
    now_us: int,
) -> AsyncIterator[bytes]:
    """The envelope, its `data` written as it is read."""
    row = CODES[codes.SUCCESS]
    yield (
        b'{"success":true,"code":%d,"message":%s,"transaction_id":null,"status":"ok",'
        b'"timestamp":%s,"data":' % (row.code, _encode(row.message), _encode(rfc3339(now_us)))
    )
    yield _encode(head)[:-1] + b',"transfers":['
    balance_micros, separator = opening_micros, b""
    async for line in lines:
        balance_micros += line.change_micros
        yield separator + _encode(StatedTransfer(**line.transfer, balance_micros=balance_micros))
        separator = b","
    closing = {
        "closing_balance_cents": micros_to_cents(balance_micros),
        "closing_balance_micros": balance_micros,
    }
    yield b"]," + _encode(closing)[1:] + b"}"


async def _csv(
    opening_micros: int, lines: AsyncIterator[statement.StatementLine]
) -> AsyncIterator[bytes]:
    """A header line, the opening balance, a line for each transfer, the closing balance."""
    opening = {"code": "opening_balance", "balance_micros": opening_micros}
    yield (csv_head(_CSV_COLUMNS) + csv_lines(_CSV_COLUMNS, [opening])).encode()
    balance_micros = opening_micros
    async for line in lines:
        balance_micros += line.change_micros
        values = {
            **line.transfer,
            "change_micros": line.change_micros,
            "balance_micros": balance_micros,
        }
        yield csv_lines(_CSV_COLUMNS, [values]).encode()
    closing = {"code": "closing_balance", "balance_micros": balance_micros}
    yield csv_lines(_CSV_COLUMNS, [closing]).encode()


ROUTES = (
    Route(
        "GET",
        "/topup/statement",
        show,
        "Opening balance, every transfer, closing balance",
        scopes=_READS,
        query=StatementQuery,
        answers=(Outcome(200, Statement, media_types=(JSON, "text/csv")),),
    ),
)
